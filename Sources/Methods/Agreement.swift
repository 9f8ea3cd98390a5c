// The agreement of a student with its mean teacher: on which crops, how strongly, and its terms (HiLab-git/SSL4MIS,
// code/train_mean_teacher_3D.py; ShumengLI/SFR). Axes: D H W voxels, K classes.

import Kernels
import Learning
import Preparation
import Tensors

/// Where and how strongly student and teacher must agree.
package struct TeacherAgreement {
  /// On labelled crops as well (ShumengLI/SFR).
  var includesLabelled: Bool
  package var weight: ConsistencyWeight

  package init(includesLabelled: Bool = false, weight: ConsistencyWeight = ConsistencyWeight()) {
    (self.includesLabelled, self.weight) = (includesLabelled, weight)
  }
}

/// What the student must agree with on a crop.
package struct AgreementTarget {
  /// [1, D, H, W, K].
  var probabilities: Tensor
  /// 1 for the voxels that count, [1, D, H, W, 1]; nil for all.
  var weights: Tensor?

  package init(probabilities: Tensor, weights: Tensor? = nil) { (self.probabilities, self.weights) = (probabilities, weights) }
}

/// The mean of the squared differences between student and target over the voxels, of all crops together, that count.
/// - Parameter weight: of the mean.
package func agreementTerms(_ pairs: [(prediction: Prediction, target: AgreementTarget)], weight: Double, on tape: Tape)
  -> [LossTerm]
{
  if pairs.isEmpty { return [] }
  let quiet = Tape(recording: false), weights = pairs.compactMap(\.target.weights)
  let loss = tape.squaredDifference(
    tape.stacked(pairs.map(\.prediction.probabilities)), to: quiet.stacked(pairs.map(\.target.probabilities)),
    weights: weights.isEmpty ? nil : quiet.stacked(weights))
  return [LossTerm("consistency", loss, weight: weight)]
}

/// The sum of several predictions of class probabilities [1, D, H, W, K].
/// - Parameter predict: makes the prediction of a pass, counted from 1.
func sumOfPredictions(_ passes: Int, _ predict: (UInt64) -> Tensor) -> Tensor {
  let sum = predict(1)
  for pass in 2...passes {
    let another = predict(UInt64(pass))
    withExtendedLifetime(another) { add(another.pointer, to: sum.pointer, count: sum.count) }
  }
  return sum
}

extension [AgreementTarget] {
  /// The mean share of the voxels that count.
  var certainShare: Double { reduce(0) { $0 + ($1.weights?.shareOfOnes ?? 1) } / Double(Swift.max(1, count)) }
}

extension Tensor {
  /// The share of ones among values that are 0 or 1.
  fileprivate var shareOfOnes: Double { withExtendedLifetime(storage) { sumOfSquares(pointer, count: count) / Double(count) } }
}
