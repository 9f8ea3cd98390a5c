// The squared difference of a student's prediction to a target (a teacher, a prior's mask, a view), with a weight for each voxel
// (HiLab-git/SSL4MIS, code/train_mean_teacher_3D.py; YichiZhang98/SemiSAM, code_semisam+/). Axes: D H W voxels, K classes, F
// foreground classes (K - 1).

import Kernels
import Tensors

extension Tape {
  /// Σ_v w Σ_k (p - q)² / (K Σ_v w): the mean over voxels and classes. A target on the tape gets its gradient too.
  /// - Shape: p and target [1, D, H, W, K], weights [1, D, H, W, 1]; nil weighs all voxels alike. Without any weight the loss is 0.
  public func squaredDifference(_ p: Tensor, to target: Tensor, weights: Tensor? = nil) -> Scalar {
    require(p.shape == target.shape, "squared difference of \(p.shape) and \(target.shape): both must have one shape.")
    let (count, classes) = (p.shape.rows, p.shape.channels)
    require(weights?.count ?? count == count, "squared difference of \(p.shape): give one weight for each voxel.")
    let sums = squaredDifferenceSums(
      p.pointer, target.pointer, weights: weights?.pointer, count: count, classes: classes)
    let share = 1 / (Double(classes) * sums.weight + 1e-16)
    return recordScalar("squaredDifference", inputs: [p, target], value: share * sums.difference) { seed in
      let dp = Tensor(uninitialized: p.shape)
      squaredDifferenceGradient(
        p.pointer, target.pointer, weights: weights?.pointer, scale: Float(2 * seed * share), into: dp.pointer, count: count,
        classes: classes)
      if target.slot != nil {
        let dq = Tensor(uninitialized: p.shape)
        scale(dp.pointer, by: -1, into: dq.pointer, count: dp.count)
        self.accumulate(dq, for: target)
      }
      withExtendedLifetime((target, weights)) { self.accumulate(dp, for: p) }
    }
  }
}

extension Tape {
  /// 1 - Σ p·q / n over n voxels: the Dice loss, with sums of probabilities in its denominator, of two distributions over classes (ycwu1997/SS-Net,
  /// code/utils/losses.py). The gradient flows into `p` alone.
  /// - Shape: p and q [B, D, H, W, K].
  public func disagreement(_ p: Tensor, from q: Tensor) -> Scalar {
    require(p.shape == q.shape, "disagreement of \(p.shape) and \(q.shape): both must have one shape.")
    let share = 1 / Double(p.shape.rows), value = 1 - share * innerProduct(p.pointer, q.pointer, count: p.count)
    return recordScalar("disagreement", inputs: [p], value: value) { seed in
      let dp = Tensor(uninitialized: p.shape)
      scale(q.pointer, by: Float(-seed * share), into: dp.pointer, count: dp.count)
      withExtendedLifetime(q) { self.accumulate(dp, for: p) }
    }
  }
}

/// Weights of voxels in a consistency term, [1, D, H, W, 1].
public enum VoxelWeights {
  /// 1 where the mean of predictions is certain, 0 elsewhere: entropy below `limit` · ln K (UA-MT).
  /// - Parameters:
  ///   - sum: of the class probabilities of `passes` predictions, [1, D, H, W, K].
  ///   - limit: a share of the highest entropy that K classes can have.
  public static func certain(sum: Tensor, passes: Int, limit: Double) -> Tensor {
    let weights = Tensor(uninitialized: voxels(of: sum)), classes = sum.shape.channels
    certainVoxels(
      sum.pointer, share: 1 / Float(passes), limit: Float(limit * logarithm(Double(classes))), into: weights.pointer,
      count: weights.count, classes: classes)
    return withExtendedLifetime(sum) { weights }
  }

  /// 1 where `certain` is 0: where the mean of predictions has an entropy of `limit` · ln K or more (AC-MT).
  public static func uncertain(sum: Tensor, passes: Int, limit: Double) -> Tensor {
    let weights = certain(sum: sum, passes: passes, limit: limit)
    for voxel in 0..<(Rehearsal.isOn ? 0 : weights.count) { weights.pointer[voxel] = 1 - weights.pointer[voxel] }
    return weights
  }

  /// exp(-U / mean U), U being the sum of the classes' uncertainties: voxels of which a prior is unsure count less.
  /// - Shape: uncertainty [1, D, H, W, F], 0 or more.
  public static func falling(uncertainty: Tensor) -> Tensor {
    let weights = Tensor(uninitialized: voxels(of: uncertainty))
    fallingWeights(
      uncertainty.pointer, into: weights.pointer, count: weights.count, channels: uncertainty.shape.channels)
    return withExtendedLifetime(uncertainty) { weights }
  }

  private static func voxels(of values: Tensor) -> Shape { Shape(values.shape.sizes.dropLast() + [1]) }
}
