// Learning from labels that nobody drew: a prior's mask, what an earlier student predicted, what SAM says.

import Learning
import Tensors

/// ½ (Dice + cross entropy) of predictions against pseudo-labels, in two terms; both count as 0 where there are none. The sums of Dice run over all crops
/// (SFR: Li et al., arXiv:2403.11229, equation 7).
/// - Parameters:
///   - labels: D·H·W labels of each prediction that has any; voxels whose label is no class count in no sum.
///   - weight: of the sum of both.
package func pseudoLabelTerms(
  _ pairs: [(prediction: Prediction, labels: [UInt8])], weight: Double, readsPrior: Bool, on tape: Tape
) -> [LossTerm] {
  func term(_ name: String, _ loss: Scalar, _ share: Double = 1) -> LossTerm {
    LossTerm(name, loss, weight: 0.5 * share * weight, readsPrior: readsPrior)
  }
  let names = (dice: "pseudoDice", crossEntropy: "pseudoCrossEntropy")
  if pairs.isEmpty { return [names.dice, names.crossEntropy].map { term($0, Scalar(constant: 0)) } }
  let dice = tape.diceLoss(
    tape.stacked(pairs.map(\.prediction.probabilities)), labels: Array(pairs.map(\.labels).joined()), wholeBatch: true,
    unlabelled: .leftOut)
  return [term(names.dice, dice)]
    + pairs.map { prediction, labels in
      let loss = tape.crossEntropy(
        prediction.logits, probabilities: prediction.probabilities, labels: labels, unlabelled: .leftOut)
      return term(names.crossEntropy, loss, 1 / Double(pairs.count))
    }
}
