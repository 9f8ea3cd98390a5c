// Two networks that teach each other: each learns from labels, and on unlabelled crops from what the other one predicts there (Chen et al.,
// arXiv:2106.01226; HiLab-git/SSL4MIS, code/train_cross_pseudo_supervision_3D.py). Axes: D H W voxels, K classes.

import Foundation
import Learning
import Networks
import Preparation
import Tensors

/// What one of the two networks predicts for a batch.
package struct CrossPredictions {
  package let labelled, unlabelled: [Prediction]

  package init(labelled: [Prediction], unlabelled: [Prediction]) { (self.labelled, self.unlabelled) = (labelled, unlabelled) }
}

/// How a network learns from the labels that the other one gives.
package enum CrossLoss: String, CaseIterable { case crossEntropy, dice }

/// The terms of both networks: ½ (Dice + cross entropy) on labels, and λ times the loss against the other's labels. Those are constants: no gradient
/// flows into the network that gave them.
package func crossTerms(
  _ first: CrossPredictions, _ second: CrossPredictions, _ loss: CrossLoss, weight: Double, groups: [String] = [], at step: Step,
  on tape: Tape
) throws(MethodError) -> LossTerms {
  let said = [first, second].map { $0.unlabelled.map { likeliestLabels($0.logits) } }
  var terms: [LossTerm] = []
  for (network, pseudo) in zip([first, second], said.reversed()) {
    terms += SupervisedBlend.half.terms(network.labelled, labels: try network.labelled.labels(), at: step, on: tape)
    terms += crossTerms(network.unlabelled, pseudo, loss, weight: weight, on: tape)
  }
  var result = LossTerms(
    terms, diagnostics: crossDiagnostics(first.unlabelled.map(\.sample), said, weight: weight, groups: groups))
  result.unlabelled = first.unlabelled
  return result
}

/// What is logged of the labels that two networks give to samples.
func crossDiagnostics(
  _ samples: [Sample], _ said: [[[UInt8]]], weight: Double, groups: [String]
) -> [(name: String, value: Double)] {
  let agreements = zip(samples, zip(said[0], said[1])).map { (group: $0.group, agreement: LabelAgreement($1.0, $1.1)) }
  return [("consistencyWeight", weight)] + agreementDiagnostics(agreements, groups: groups)
}

private func crossTerms(
  _ predictions: [Prediction], _ labels: [[UInt8]], _ loss: CrossLoss, weight: Double, on tape: Tape
) -> [LossTerm] {
  switch loss {
  case .dice:
    guard !predictions.isEmpty else { return [] }
    let dice = tape.diceLoss(
      tape.stacked(predictions.map(\.probabilities)), labels: Array(labels.joined()), wholeBatch: true)
    return [LossTerm("cross", dice, weight: weight)]
  case .crossEntropy:
    return zip(predictions, labels).map { prediction, labels in
      LossTerm(
        "cross", tape.crossEntropy(prediction.logits, probabilities: prediction.probabilities, labels: labels),
        weight: weight / Double(predictions.count))
    }
  }
}

/// Under which checkpoints hold the second of two students.
public let secondStudentName = "second"

/// A pair of students.
final class StudentPair {
  let first, second: any Network
  private let method: String

  init(_ first: any Network, _ second: any Network, of method: String) {
    (self.first, self.second, self.method) = (first, second, method)
  }

  var trained: [TrainedModule] { [TrainedModule("student", first), TrainedModule(secondStudentName, second)] }

  /// What both predict for a batch.
  func predictions(
    _ batch: Batch, at step: Step, on tape: Tape
  ) throws(MethodError) -> (first: CrossPredictions, second: CrossPredictions) {
    try refuseTwins()
    func predictions(of network: any Network) -> CrossPredictions {
      CrossPredictions(
        labelled: network.predict(batch.labelled, .clean, at: step, on: tape),
        unlabelled: network.predict(batch.unlabelled, .clean, at: step, on: tape))
    }
    return (predictions(of: first), predictions(of: second))
  }

  /// Networks with the same weights can teach each other nothing.
  func refuseTwins() throws(MethodError) {
    guard areTwins else { return }
    throw MethodError(
      "the two networks of \(method) have the same weights, so that neither can teach the other: give them different ones, or leave out the stage that made them alike."
    )
  }

  private var areTwins: Bool {
    let (one, other) = (first.parameters.values, second.parameters.values)
    return one.count == other.count && memcmp(one.pointer, other.pointer, one.count * MemoryLayout<Float>.stride) == 0
  }
}
