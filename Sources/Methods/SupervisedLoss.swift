// The labelled part of every objective: a cross-fade from Dice to cross entropy (kunaljangid01/ReLiF_3D,
// code/ReLiF_3D_train_brats.py).

import Learning
import Networks
import Preparation
import Settings
import Tensors

/// How Dice and cross entropy are weighed over the run.
package enum SupervisedBlend: String, CaseIterable {
  /// (1 - t/T) Dice + (t/T) cross entropy, as ReLiF-3D publishes it.
  case crossfade
  /// Half of each, the custom of the semi-supervised literature.
  case half

  static let option = Setting(
    "sup", default: Self.crossfade,
    "Loss on labels: crossfade goes from Dice to cross entropy over the run, half is half of each throughout.")

  func weights(at step: Step) -> (dice: Double, crossEntropy: Double) {
    switch self {
    case .crossfade: (1 - step.progress, step.progress)
    case .half: (0.5, 0.5)
    }
  }

  /// The terms of labelled samples, `share` of the whole: the sums of Dice run over all of them, as in the programs that this follows.
  package func terms(
    _ predictions: [Prediction], labels: [[UInt8]], share: Double = 1, at step: Step, on tape: Tape
  ) -> [LossTerm] {
    if predictions.isEmpty { return [] }
    var weights = weights(at: step)
    weights = (share * weights.dice, share * weights.crossEntropy)
    let dice = tape.diceLoss(
      tape.stacked(predictions.map(\.probabilities)), labels: Array(labels.joined()), wholeBatch: true,
      unlabelled: .leftOut)
    return [LossTerm("dice", dice, weight: weights.dice)]
      + zip(predictions, labels).map { prediction, label in
        LossTerm(
          "crossEntropy",
          tape.crossEntropy(prediction.logits, probabilities: prediction.probabilities, labels: label, unlabelled: .leftOut),
          weight: weights.crossEntropy / Double(predictions.count))
      }
  }
}

extension Batch {
  /// The supervised terms of all labelled samples of the batch, read from one view.
  package func supervisedTerms(
    _ blend: SupervisedBlend, view: View, network: any Network, at step: Step, on tape: Tape
  ) throws(MethodError) -> [LossTerm] {
    let predictions = network.predict(labelled, view, at: step, on: tape)
    return blend.terms(predictions, labels: try predictions.labels(), at: step, on: tape)
  }
}
