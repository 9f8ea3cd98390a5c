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

/// The mean over crops of the squared differences between student and target.
/// - Parameter weight: of the mean.
package func agreementTerms(_ pairs: [(prediction: Prediction, target: AgreementTarget)], weight: Double, on tape: Tape)
  -> [LossTerm]
{
  pairs.map { prediction, target in
    let loss = tape.squaredDifference(prediction.probabilities, to: target.probabilities, weights: target.weights)
    return LossTerm("consistency", loss, weight: weight / Double(pairs.count))
  }
}

extension [AgreementTarget] {
  /// The mean share of the voxels that count.
  var certainShare: Double { reduce(0) { $0 + ($1.weights?.shareOfOnes ?? 1) } / Double(Swift.max(1, count)) }
}

extension Tensor {
  /// The share of ones among values that are 0 or 1.
  fileprivate var shareOfOnes: Double { withExtendedLifetime(storage) { sumOfSquares(pointer, count: count) / Double(count) } }
}
