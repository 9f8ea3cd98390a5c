// Learning from labels that nobody drew: a prior's mask, or what an earlier student predicted.

import Learning
import Tensors

/// ½ (Dice + cross entropy) of a prediction against pseudo-labels, in two terms; both count as 0 where there are none.
/// - Parameters:
///   - labels: D·H·W labels.
///   - weight: of the sum of both.
func pseudoLabelTerms(
  _ prediction: Prediction, _ labels: [UInt8]?, weight: Double, readsPrior: Bool, on tape: Tape
) -> [LossTerm] {
  let dice = labels.map { tape.diceLoss(prediction.probabilities, labels: $0) }
  let crossEntropy = labels.map {
    tape.crossEntropy(prediction.logits, probabilities: prediction.probabilities, labels: $0)
  }
  return [("pseudoDice", dice), ("pseudoCrossEntropy", crossEntropy)].map { name, loss in
    LossTerm(name, loss ?? Scalar(constant: 0), weight: 0.5 * weight, readsPrior: readsPrior)
  }
}
