// Labels that nobody drew, and how much their voxels count: from a prior's logits, and from certainty. `count` voxels of K classes.

import CKernels

private let grain = 1 << 13

/// weights = 1 where the entropy of share · p is below `limit`, else 0.
public func certainVoxels(
  _ p: UnsafePointer<Float>, share: Float, limit: Float, into weights: UnsafeMutablePointer<Float>, count: Int, classes: Int
) {
  parallelFor(count, grain: grain) { start, end in
    cohort_certain(weights + start, p + start * classes, share, limit, end - start, classes)
  }
}

/// weights = exp(-Σ u / mean Σ u), with the sum over the `channels` values u ≥ 0 of a voxel and the mean over voxels; 1 where all u are 0.
public func fallingWeights(_ u: UnsafePointer<Float>, into weights: UnsafeMutablePointer<Float>, count: Int, channels: Int) {
  let total = sumOverBlocks(count * channels, sums: 1) { start, length, sums in
    for index in start..<start + length { sums[0] += Double(u[index]) }
  }[0]
  let factor = total > 0 ? Float(Double(count) / total) : 0
  parallelFor(count, grain: grain) { start, end in
    cohort_falling_weights(weights + start, u + start * channels, factor, end - start, channels)
  }
}

/// labels = the foreground class with the highest logit above 0 among those that are present; where there is none, background, or the
/// strongest class of p if that one is absent.
/// - Parameter isPresent: of each of the K - 1 foreground classes, of which z has the logits.
public func priorLabels(
  logits z: UnsafePointer<Float>, student p: UnsafePointer<Float>, isPresent: [Bool], into labels: UnsafeMutablePointer<UInt8>,
  count: Int
) {
  let present = [1] + isPresent.map { $0 ? 1 : 0 } as [UInt8], classes = present.count
  parallelFor(count, grain: grain) { start, end in
    cohort_prior_labels(labels + start, z + start * (classes - 1), p + start * classes, present, end - start, classes)
  }
}

/// scores = 1 for the class of the label, else 0.
public func oneHot(_ labels: UnsafePointer<UInt8>, into scores: UnsafeMutablePointer<Float>, count: Int, classes: Int) {
  parallelFor(count, grain: grain) { start, end in
    for voxel in start..<end {
      for k in 0..<classes { scores[voxel * classes + k] = Int(labels[voxel]) == k ? 1 : 0 }
    }
  }
}
