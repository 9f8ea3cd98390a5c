// The weighted squared difference of predictions to a fixed target. `count` voxels of K classes.

import CKernels

private let grain = 1 << 13

/// Σ w·‖p - q‖² and Σ w; without weights each voxel has 1.
public func squaredDifferenceSums(
  _ p: UnsafePointer<Float>, _ q: UnsafePointer<Float>, weights: UnsafePointer<Float>?, count: Int, classes: Int
) -> (difference: Double, weight: Double) {
  let sums = sumOverBlocks(count, sums: 2) { start, length, sums in
    cohort_squared_difference(p + start * classes, q + start * classes, weights.map { $0 + start }, length, classes, sums)
  }
  return (sums[0], sums[1])
}

/// dp = scale · w · (p - q).
public func squaredDifferenceGradient(
  _ p: UnsafePointer<Float>, _ q: UnsafePointer<Float>, weights: UnsafePointer<Float>?, scale: Float,
  into dp: UnsafeMutablePointer<Float>, count: Int, classes: Int
) {
  parallelFor(count, grain: grain) { start, end in
    cohort_squared_difference_gradient(
      dp + start * classes, p + start * classes, q + start * classes, weights.map { $0 + start }, scale, end - start, classes)
  }
}
