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

  /// The terms of one labelled sample; `share` is 1 / the number of labelled samples.
  func terms(_ prediction: Prediction, label: [UInt8], share: Double, at step: Step, on tape: Tape) -> [LossTerm] {
    let weights = weights(at: step), p = prediction.probabilities
    return [
      LossTerm("dice", tape.diceLoss(p, labels: label), weight: share * weights.dice),
      LossTerm(
        "crossEntropy", tape.crossEntropy(prediction.logits, probabilities: p, labels: label),
        weight: share * weights.crossEntropy),
    ]
  }
}

extension Batch {
  /// The supervised terms of all labelled samples of the batch, read from one view.
  package func supervisedTerms(
    _ blend: SupervisedBlend, view: View, network: any Network, at step: Step, on tape: Tape
  ) throws(MethodError) -> [LossTerm] {
    var terms: [LossTerm] = []
    for prediction in network.predict(labelled, view, at: step, on: tape) {
      let label = try prediction.sample.knownLabel()
      terms += blend.terms(prediction, label: label, share: 1 / Double(labelled.count), at: step, on: tape)
    }
    return terms
  }
}
