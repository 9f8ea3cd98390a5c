// Two networks that teach each other: each learns from labels, and on unlabelled crops from what the other one predicts there (Chen et al.,
// arXiv:2106.01226; HiLab-git/SSL4MIS, code/train_cross_pseudo_supervision_3D.py). Axes: D H W voxels, K classes.

import Foundation
import Learning
import Networks
import Preparation
import Tensors

/// One of two students on a batch: what it tells the other, and how it learns.
package struct CrossStudent {
  /// Its labels of the unlabelled samples.
  let said: [[UInt8]]
  /// Its terms, given the other's labels. Those are constants: no gradient flows into the network that gave them.
  let terms: (_ pseudo: [[UInt8]]) throws(MethodError) -> [LossTerm]
  /// Its predictions of the unlabelled samples.
  let unlabelled: () -> [Prediction]
}

/// The terms of two students that learn from each other's labels. Where a partner computes one of them, its terms have the values that it tells and
/// no gradient, so that the losses are the same wherever a student is computed.
/// - Parameters:
///   - weight: λ, for the log.
///   - student: puts the batch through the first or the second, 0 or 1.
package func crossTerms(
  _ batch: Batch, weight: Double, groups: [String] = [], _ student: (Int) throws -> CrossStudent
) throws -> LossTerms {
  guard let partner = batch.partner else {
    let both = try [student(0), student(1)]
    var result = LossTerms(
      try both[0].terms(both[1].said) + both[1].terms(both[0].said),
      diagnostics: crossDiagnostics(batch.unlabelled, both.map(\.said), weight: weight, groups: groups))
    result.unlabelled = both[0].unlabelled()
    return result
  }
  let own = try student(partner.network), said = try partner.both(own.said), terms = try own.terms(said[1 - partner.network])
  let values = try partner.both(terms.map(\.scalar.value))
  // The other's terms have the same names and weights.
  let all = values.enumerated().flatMap { network, values in
    network == partner.network
      ? terms : zip(terms, values).map { LossTerm($0.name, Scalar(constant: $1), weight: $0.weight) }
  }
  return LossTerms(all, diagnostics: crossDiagnostics(batch.unlabelled, said, weight: weight, groups: groups))
}

/// What is logged of the labels that two networks give to samples.
private func crossDiagnostics(
  _ samples: [Sample], _ said: [[[UInt8]]], weight: Double, groups: [String]
) -> [(name: String, value: Double)] {
  let agreements = zip(samples, zip(said[0], said[1])).map { (group: $0.group, agreement: LabelAgreement($1.0, $1.1)) }
  return [("consistencyWeight", weight)] + agreementDiagnostics(agreements, groups: groups)
}

/// How a network learns from the labels that the other one gives.
package enum CrossLoss: String, CaseIterable { case crossEntropy, dice }

/// A student with the terms as published: ½ (Dice + cross entropy) on labels, and λ times the loss against the other's labels.
package func crossStudent(
  labelled: [Prediction], unlabelled: [Prediction], _ loss: CrossLoss, weight: Double, at step: Step, on tape: Tape
) -> CrossStudent {
  CrossStudent(
    said: unlabelled.map { likeliestLabels($0.logits) },
    terms: { pseudo throws(MethodError) in
      try SupervisedBlend.half.terms(labelled, labels: labelled.labels(), at: step, on: tape)
        + crossTerms(unlabelled, pseudo, loss, weight: weight, on: tape)
    }, unlabelled: { unlabelled })
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

  /// The terms of both for a batch, as published.
  func terms(
    _ batch: Batch, _ loss: CrossLoss, weight: Double, groups: [String], at step: Step, on tape: Tape
  ) throws -> LossTerms {
    try refuseTwins()
    return try crossTerms(batch, weight: weight, groups: groups) { number in
      crossStudent(
        labelled: self[number].predict(batch.labelled, .clean, at: step, on: tape),
        unlabelled: self[number].predict(batch.unlabelled, .clean, at: step, on: tape), loss, weight: weight, at: step, on: tape)
    }
  }

  /// The first or the second: 0 or 1.
  subscript(number: Int) -> any Network { number == 0 ? first : second }

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
