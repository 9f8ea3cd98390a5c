// Labels that nobody drew, and how much their voxels count: from a prior's logits, and from certainty. `count` voxels of K classes.

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

private let grain = 1 << 13

/// weights = 1 where the entropy of share · p is below `limit`, else 0.
public func certainVoxels(
  _ p: UnsafePointer<Float>, share: Float, limit: Float, into weights: UnsafeMutablePointer<Float>, count: Int, classes: Int
) {
  parallelFor(count, grain: grain) { start, end in
    for voxel in start..<end {
      var entropy: Float = 0
      for i in voxel * classes..<(voxel + 1) * classes { entropy -= share * p[i] * log(share * p[i] + 1e-6) }
      weights[voxel] = entropy < limit ? 1 : 0
    }
  }
}

/// weights = exp(-Σ u / mean Σ u), with the sum over the `channels` values u ≥ 0 of a voxel and the mean over voxels; 1 where all u are 0.
public func fallingWeights(_ u: UnsafePointer<Float>, into weights: UnsafeMutablePointer<Float>, count: Int, channels: Int) {
  let total = sumOverBlocks(count * channels, sums: 1) { start, length, sums in
    for index in start..<start + length { sums[0] += Double(u[index]) }
  }[0]
  let factor = total > 0 ? Float(Double(count) / total) : 0
  parallelFor(count, grain: grain) { start, end in
    for voxel in start..<end {
      var sum: Float = 0
      for i in voxel * channels..<(voxel + 1) * channels { sum += u[i] }
      weights[voxel] = exp(-factor * sum)
    }
  }
}

/// labels = the foreground class with the highest logit above 0 among those that are present; where there is none, background, or the
/// most probable class of p if that one is absent.
/// - Parameter isPresent: of each of the K - 1 foreground classes, of which z has the logits.
public func priorLabels(
  logits z: UnsafePointer<Float>, student p: UnsafePointer<Float>, isPresent: [Bool], into labels: UnsafeMutablePointer<UInt8>,
  count: Int
) {
  let present = [true] + isPresent, classes = present.count
  parallelFor(count, grain: grain) { start, end in
    for voxel in start..<end {
      let likeliest = argmax(p + voxel * classes, classes)
      var best = present[likeliest] ? 0 : likeliest, highest: Float = 0
      for k in 1..<classes where present[k] && z[voxel * (classes - 1) + k - 1] > highest {
        (best, highest) = (k, z[voxel * (classes - 1) + k - 1])
      }
      labels[voxel] = UInt8(best)
    }
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
