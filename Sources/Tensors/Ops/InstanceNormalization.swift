// Instance normalisation (no affine, no running statistics) with the activation that follows it: each channel of each sample gets mean 0
// and variance 1 over its voxels, then max(z, slope·z).

import Kernels

extension Tape {
  /// - Shape: x [B, D, H, W, C]; result the same.
  /// - Parameters:
  ///   - slope: factor for negative values: 0 is ReLU, 0.01 leaky ReLU, 1 no activation.
  ///   - epsilon: added to the (biased) variance.
  public func instanceNormalization(_ x: Tensor, slope: Float, epsilon: Double = 1e-5) -> Tensor {
    let samples = x.shape.batch, channels = x.shape.channels, rows = x.shape.rows / samples, size = rows * channels
    require(rows > 1, "instance normalisation of \(x.shape): one voxel has no variance: use a larger patch.")
    let y = Tensor(uninitialized: x.shape)
    let statistics = (0..<samples).map { sample in
      let found = normalizationStatistics(x.pointer + sample * size, rows: rows, channels: channels, epsilon: epsilon)
      normalizeAndActivate(
        x.pointer + sample * size, into: y.pointer + sample * size, rows: rows, channels: channels, statistics: found,
        slope: slope)
      return found
    }
    return record("instanceNormalization", inputs: [x], output: y) { dy in
      let dx = Tensor(uninitialized: x.shape)
      for sample in 0..<samples {
        normalizationGradient(
          dy: dy.pointer + sample * size, x: x.pointer + sample * size, into: dx.pointer + sample * size, rows: rows,
          channels: channels, statistics: statistics[sample], slope: slope)
      }
      self.accumulate(dx, for: x)
    }
  }
}
