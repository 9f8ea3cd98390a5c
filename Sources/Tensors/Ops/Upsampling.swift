// Bilinear upsampling of a plane by a whole number, half-pixel centres, ends clamped (align_corners false). Axes: B batch, H W pixels, C channels.

import Kernels

extension Tape {
  /// - Shape: x [B, 1, H, W, C]; result [B, 1, factor · H, factor · W, C].
  public func upsampledPlane(_ x: Tensor, by factor: Int) -> Tensor {
    require(x.shape.rank == 5 && x.shape[1] == 1, "upsampled plane of \(x.shape): give [B, 1, H, W, C].")
    let channels = x.shape.channels, place = x.place
    let axes = [AxisWeights.resized(1, to: 1)] + (2...3).map { AxisWeights.resized(x.shape[$0], to: factor * x.shape[$0]) }
    let y = Tensor(uninitialized: [x.shape.batch, 1, factor * x.shape[2], factor * x.shape[3], channels])
    mapPlanes(x, channels: channels, through: axes, into: y)
    return record("upsampledPlane", inputs: [x], output: y) { dy in
      let dx = Tensor(uninitialized: place.shape)
      mapPlanes(dy, channels: channels, through: axes.map(\.transposed), into: dx)
      self.accumulate(dx, at: place)
    }
  }
}

private func mapPlanes(_ x: Tensor, channels: Int, through axes: [AxisWeights], into y: Tensor) {
  for sample in 0..<x.shape.batch {
    mapAxes(
      x.pointer + sample * (x.count / x.shape.batch), channels: channels, through: axes,
      into: y.pointer + sample * (y.count / y.shape.batch))
  }
}
