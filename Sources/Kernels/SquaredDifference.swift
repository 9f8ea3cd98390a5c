// The weighted squared difference of predictions to a fixed target. `count` voxels of K classes.

private let grain = 1 << 13

/// Σ w·‖p - q‖² and Σ w; without weights each voxel has 1.
public func squaredDifferenceSums(
  _ p: UnsafePointer<Float>, _ q: UnsafePointer<Float>, weights: UnsafePointer<Float>?, count: Int, classes: Int
) -> (difference: Double, weight: Double) {
  let sums = sumOverBlocks(count, sums: 2) { start, length, sums in
    for voxel in start..<start + length {
      let weight = weights?[voxel] ?? 1
      sums[0] += Double(weight * squaredDistance(p + voxel * classes, q + voxel * classes, classes))
      sums[1] += Double(weight)
    }
  }
  return (sums[0], sums[1])
}

/// dp = scale · w · (p - q).
public func squaredDifferenceGradient(
  _ p: UnsafePointer<Float>, _ q: UnsafePointer<Float>, weights: UnsafePointer<Float>?, scale: Float,
  into dp: UnsafeMutablePointer<Float>, count: Int, classes: Int
) {
  parallelFor(count, grain: grain) { start, end in
    for voxel in start..<end {
      let factor = scale * (weights?[voxel] ?? 1)
      for i in voxel * classes..<(voxel + 1) * classes { dp[i] = factor * (p[i] - q[i]) }
    }
  }
}

/// ‖p - q‖² of one voxel.
func squaredDistance(_ p: UnsafePointer<Float>, _ q: UnsafePointer<Float>, _ classes: Int) -> Float {
  var sum: Float = 0
  for k in 0..<classes { sum += (p[k] - q[k]) * (p[k] - q[k]) }
  return sum
}
