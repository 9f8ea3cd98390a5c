// The entropy of class probabilities as a loss (lemoshu/AC-MT, code/utils/losses.py). Axes: B batch, D H W voxels, K classes.

import Kernels
import Tensors

extension Tape {
  /// The mean over voxels of weight · entropy, -Σ p ln(p + 1e-6) / ln K.
  /// - Shape: p [B, D, H, W, K], weights [B, D, H, W, 1], which are constants.
  public func weightedEntropy(_ p: Tensor, weights: Tensor) -> Scalar {
    let (count, classes) = (p.shape.rows, p.shape.channels), scale = 1 / (Double(count) * logarithm(Double(classes)))
    require(weights.count == count, "weighted entropy of \(p.shape): give one weight for each voxel.")
    let sum = sumOverBlocks(count, sums: 1) { start, length, sums in
      for voxel in start..<start + length {
        for index in voxel * classes..<(voxel + 1) * classes {
          let q = Double(p.pointer[index])
          sums[0] -= Double(weights.pointer[voxel]) * q * logarithm(q + 1e-6)
        }
      }
    }[0]
    return recordScalar("weightedEntropy", inputs: [p], value: scale * sum) { seed in
      let dp = Tensor(uninitialized: p.shape)
      parallelFor(count, grain: 1 << 12) { start, end in
        for voxel in start..<end {
          for index in voxel * classes..<(voxel + 1) * classes {
            let q = Double(p.pointer[index]), slope = logarithm(q + 1e-6) + q / (q + 1e-6)
            dp.pointer[index] = Float(-seed * scale * Double(weights.pointer[voxel]) * slope)
          }
        }
      }
      self.accumulate(dp, for: p)
    }
  }
}
