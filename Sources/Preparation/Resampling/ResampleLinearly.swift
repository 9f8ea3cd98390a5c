// Trilinear interpolation of one channel, edges repeated: feature maps to the grid of their image. Axes: D depth, H height, W
// width.

import Volumes

/// `values` [D, H, W] on the grid `from`, on the grid `to` that covers the same space.
public func resampleLinearly(_ values: [Float], from: Extent, to: Extent) -> [Float] {
  guard values.count == from.count else {
    fatalError("resample: \(values.count) values are not \(from); pass one channel of the whole volume")
  }
  let taps = (0..<3).map { LinearTaps(count: from[$0], outputCount: to[$0], nearest: false) }
  return [Float](unsafeUninitializedCapacity: to.count) { result, initialized in
    forEachBlendedRow(of: values, from: from, rowCount: from.width, to: to, taps: taps) { d, h, row in
      for w in 0..<to.width {
        blend(row, taps[2], w, UnsafeMutableBufferPointer(rebasing: result[to.index(d, h, w)...].prefix(1)))
      }
    }
    initialized = to.count
  }
}
