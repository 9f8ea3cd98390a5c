// The agreement of several predictions of one crop with their mean, where a prediction that is far from the mean counts less (Luo et al., arXiv:2012.07042;
// HiLab-git/SSL4MIS, code/train_uncertainty_rectified_pyramid_consistency_3D.py). Axes: B batch, D H W voxels, K classes, H heads.

import Kernels
import Tensors

/// The sums over voxels of one head.
private struct HeadSums {
  /// Σ e^(-D), Σ_v e^(-D) Σ_c (p̄ - p)², Σ D.
  var weight = 0.0, difference = 0.0, divergence = 0.0
}

extension Tape {
  /// The mean over heads of mean((p̄ - p)² w) / (mean(w) + 1e-8) + mean(D), with D = Σ_c p̄ (ln p̄ - ln p), w = exp(-D) and p̄ the heads' mean; gradients
  /// flow through all of it.
  /// - Shape: each p [B, D, H, W, K].
  public func pyramidConsistency(_ p: [Tensor]) -> Scalar {
    let (count, classes) = (p[0].shape.rows, p[0].shape.channels)
    require(p.allSatisfy { $0.shape == p[0].shape }, "pyramid consistency of \(p.map(\.shape)): all must have one shape.")
    if Rehearsal.isOn { return recordScalar("pyramidConsistency", inputs: p, value: 0) { _ in } }
    let sums = p.map { head in PyramidVoxels(p, classes).sums(of: head, count) }
    let value = sums.reduce(0) { sum, head in
      let weight = head.weight / Double(count) + 1e-8
      return sum + head.difference / Double(count * classes) / weight + head.divergence / Double(count)
    }
    return recordScalar("pyramidConsistency", inputs: p, value: value / Double(p.count)) { seed in
      let gradients = PyramidVoxels(p, classes).gradients(sums, count, seed: seed)
      for (head, gradient) in zip(p, gradients) { self.accumulate(gradient, for: head) }
    }
  }
}

/// The arithmetic of single voxels.
private struct PyramidVoxels {
  private static let block = 1 << 12
  private let p: [Tensor]
  private let classes: Int
  private let least: Float = 1e-30

  init(_ p: [Tensor], _ classes: Int) { (self.p, self.classes) = (p, classes) }

  private func mean(_ voxel: Int, _ k: Int) -> Float {
    p.reduce(0) { $0 + $1.pointer[voxel * classes + k] } / Float(p.count)
  }

  private func logarithmOfRatio(_ mean: Float, _ q: Float) -> Float {
    Float(logarithm(Double(max(mean, least))) - logarithm(Double(max(q, least))))
  }

  /// D and Σ_c (p̄ - p)² of a voxel.
  private func distances(_ head: Tensor, _ voxel: Int) -> (divergence: Double, difference: Double) {
    var divergence: Float = 0, difference: Float = 0
    for k in 0..<classes {
      let m = mean(voxel, k), q = head.pointer[voxel * classes + k]
      divergence += m * logarithmOfRatio(m, q)
      difference += (m - q) * (m - q)
    }
    return (Double(divergence), Double(difference))
  }

  func sums(of head: Tensor, _ count: Int) -> HeadSums {
    let blocks = (count + Self.block - 1) / Self.block
    var parts = [HeadSums](repeating: HeadSums(), count: blocks)
    parts.withUnsafeMutableBufferPointer { parts in
      nonisolated(unsafe) let parts = parts
      forEachBlock(blocks) { block in
        var sums = HeadSums()
        for voxel in block * Self.block..<min(count, (block + 1) * Self.block) {
          let (divergence, difference) = distances(head, voxel), weight = exponential(-divergence)
          sums.weight += weight
          sums.difference += weight * difference
          sums.divergence += divergence
        }
        parts[block] = sums
      }
    }
    return parts.reduce(into: HeadSums()) {
      $0.weight += $1.weight
      $0.difference += $1.difference
      $0.divergence += $1.divergence
    }
  }

  /// The gradient of each head, the part that flows through the mean included.
  func gradients(_ sums: [HeadSums], _ count: Int, seed: Double) -> [Tensor] {
    let result = p.map { Tensor(uninitialized: $0.shape) }, heads = Double(p.count), voxels = Double(count)
    let blocks = (count + Self.block - 1) / Self.block
    forEachBlock(blocks) { block in
      for voxel in block * Self.block..<min(count, (block + 1) * Self.block) {
        var throughMean = [Double](repeating: 0, count: classes)
        for (number, head) in p.enumerated() {
          let (divergence, difference) = distances(head, voxel), w = exponential(-divergence)
          let weight = sums[number].weight / voxels + 1e-8
          let meanDifference = sums[number].difference / (voxels * Double(classes))
          let onDifference = w / (voxels * Double(classes) * weight)
          let onDivergence =
            -w * difference / (voxels * Double(classes) * weight) + meanDifference * w / (voxels * weight * weight) + 1 / voxels
          for k in 0..<classes {
            let m = mean(voxel, k), q = head.pointer[voxel * classes + k], apart = 2 * Double(m - q) * onDifference
            throughMean[k] += (apart + onDivergence * (Double(logarithmOfRatio(m, q)) + 1)) / heads
            result[number].pointer[voxel * classes + k] = Float(
              seed / heads * (-apart - onDivergence * Double(m) / Double(max(q, least))))
          }
        }
        for head in result {
          for k in 0..<classes { head.pointer[voxel * classes + k] += Float(seed / heads * throughMean[k]) }
        }
      }
    }
    return result
  }
}
