// Halving by maximum and doubling by trilinear interpolation.

import Kernels

extension Tape {
  /// The largest value of each 2x2x2 block; ties go to the first voxel in scan order.
  /// - Shape: x [B, 2D, 2H, 2W, C] (a last odd plane is left out); result [B, D, H, W, C].
  public func maxPooling(_ x: Tensor) -> Tensor {
    let output = x.shape.spatial.map { $0 / 2 }
    require(
      x.shape.spatial.allSatisfy { $0 % 2 == 0 && $0 > 0 },
      "max pooling of \(x.shape): every side must be even: choose another patch size.")
    let y = Tensor(uninitialized: Shape([x.shape.batch] + output + [x.shape.channels]))
    let choice = ByteBuffer(count: y.count)
    maxPool(x.pointer, into: y.pointer, choice: choice.pointer, batch: x.shape.batch, output: output, channels: x.shape.channels)
    return record("maxPooling", inputs: [x], output: y) { dy in
      let dx = Tensor(uninitialized: x.shape)
      maxPoolGradient(
        dy: dy.pointer, choice: choice.pointer, into: dx.pointer, batch: x.shape.batch, output: output, channels: x.shape.channels
      )
      self.accumulate(dx, for: x)
    }
  }

  /// Twice the size along each axis (align_corners false, clamped ends).
  /// - Shape: x [B, D, H, W, C]; result [B, 2D, 2H, 2W, C].
  public func trilinearDoubling(_ x: Tensor) -> Tensor {
    let shape = x.shape
    let y = Tensor(uninitialized: Shape([shape.batch] + shape.spatial.map { 2 * $0 } + [shape.channels]))
    doubleSize(x.pointer, into: y.pointer, batch: shape.batch, input: shape.spatial, channels: shape.channels)
    return record("trilinearDoubling", inputs: [x], output: y) { dy in
      let dx = Tensor(uninitialized: shape)
      doubleSizeGradient(dy: dy.pointer, into: dx.pointer, batch: shape.batch, input: shape.spatial, channels: shape.channels)
      self.accumulate(dx, for: x)
    }
  }

  /// Repeats each voxel `factors` (D, H, W) times.
  /// - Shape: x [B, D, H, W, C]; result [B, fD·D, fH·H, fW·W, C].
  public func nearestUpsampling(_ x: Tensor, factors: [Int]) -> Tensor {
    let shape = x.shape
    let y = Tensor(uninitialized: Shape([shape.batch] + (0..<3).map { factors[$0] * shape.spatial[$0] } + [shape.channels]))
    repeatVoxels(x.pointer, into: y.pointer, batch: shape.batch, input: shape.spatial, factors: factors, channels: shape.channels)
    return record("nearestUpsampling", inputs: [x], output: y) { dy in
      let dx = Tensor(uninitialized: shape)
      repeatVoxelsGradient(
        dy: dy.pointer, into: dx.pointer, batch: shape.batch, input: shape.spatial, factors: factors, channels: shape.channels)
      self.accumulate(dx, for: x)
    }
  }
}
