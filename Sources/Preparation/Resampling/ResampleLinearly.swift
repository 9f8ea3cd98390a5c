// Trilinear interpolation, edges repeated: feature maps to the grid of their image, slices to tiles. Axes: D depth, H height, W width, C channels.

import Volumes

/// `values` [D, H, W, C] on the grid `from`, on the grid `to` that covers the same space.
public func resampleLinearly(_ values: [Float], channels: Int = 1, from: Extent, to: Extent) -> [Float] {
  guard values.count == from.count * channels else {
    fatalError("resample: \(values.count) values are not \(from) with \(channels) channels; pass the whole volume")
  }
  let taps = (0..<3).map { LinearTaps(count: from[$0], outputCount: to[$0], nearest: false) }
  return [Float](unsafeUninitializedCapacity: to.count * channels) { result, initialized in
    forEachBlendedRow(of: values, from: from, rowCount: from.width * channels, to: to, taps: taps) { d, h, row in
      for w in 0..<to.width {
        let first = to.index(d, h, w) * channels
        blend(row, taps[2], w, UnsafeMutableBufferPointer(rebasing: result[first..<first + channels]))
      }
    }
    initialized = to.count * channels
  }
}
