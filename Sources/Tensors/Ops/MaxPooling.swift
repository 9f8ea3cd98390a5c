// Halving by maximum. Axes: B batch, D H W voxels, C channels.

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
    return record("maxPooling", inputs: [x], output: y, layer: .maxPooling) { dy in
      let dx = Tensor(uninitialized: x.shape)
      maxPoolGradient(
        dy: dy.pointer, choice: choice.pointer, into: dx.pointer, batch: x.shape.batch, output: output, channels: x.shape.channels
      )
      self.accumulate(dx, for: x)
    }
  }
}
