// Linear upsampling along each axis, half-pixel centres, ends clamped (align_corners false). Axes: B batch, D H W voxels, C channels.

import Kernels

extension Tape {
  /// - Shape: x [B, 1, H, W, C]; result [B, 1, factor · H, factor · W, C].
  public func upsampledPlane(_ x: Tensor, by factor: Int) -> Tensor {
    require(x.shape.rank == 5 && x.shape[1] == 1, "upsampled plane of \(x.shape): give [B, 1, H, W, C].")
    return upsampled(x, to: [1, factor * x.shape[2], factor * x.shape[3]])
  }

  /// - Shape: x [B, d, h, w, C]; result [B, D, H, W, C].
  /// - Parameter size: D, H, W.
  public func upsampled(_ x: Tensor, to size: [Int]) -> Tensor {
    require(x.shape.rank == 5 && size.count == 3, "upsampled \(x.shape): give [B, D, H, W, C].")
    if x.shape.spatial == size { return x }
    let channels = x.shape.channels, place = x.place
    let axes = (0..<3).map { AxisWeights.resized(x.shape.spatial[$0], to: size[$0]) }
    let y = Tensor(uninitialized: Shape([x.shape.batch] + size + [channels]))
    mapSamples(x, channels: channels, through: axes, into: y)
    return record("upsampled", inputs: [x], output: y) { dy in
      let dx = Tensor(uninitialized: place.shape)
      mapSamples(dy, channels: channels, through: axes.map(\.transposed), into: dx)
      self.accumulate(dx, at: place)
    }
  }

  /// What `upsampled` from a smaller grid would hand back as gradient: each value is divided among the places from which it would be interpolated. Nothing
  /// is recorded.
  /// - Shape: x [B, D, H, W, C]; result [B, d, h, w, C].
  /// - Parameter size: d, h, w.
  public func gatheredFromUpsampling(_ x: Tensor, onto size: [Int]) -> Tensor {
    let channels = x.shape.channels, y = Tensor(uninitialized: Shape([x.shape.batch] + size + [channels]))
    let axes = (0..<3).map { AxisWeights.resized(size[$0], to: x.shape.spatial[$0]).transposed }
    withExtendedLifetime(x) { mapSamples(x, channels: channels, through: axes, into: y) }
    return y
  }
}

private func mapSamples(_ x: Tensor, channels: Int, through axes: [AxisWeights], into y: Tensor) {
  for sample in 0..<x.shape.batch {
    mapAxes(
      x.pointer + sample * (x.count / x.shape.batch), channels: channels, through: axes,
      into: y.pointer + sample * (y.count / y.shape.batch))
  }
}
