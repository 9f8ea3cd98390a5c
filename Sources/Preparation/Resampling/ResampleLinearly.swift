// Trilinear interpolation of one channel, edges repeated: feature maps to the grid of their image. Axes: D depth, H height, W
// width.

import Volumes

/// `values` [D, H, W] on the grid `from`, on the grid `to` that covers the same space.
public func resampleLinearly(_ values: [Float], from: Extent, to: Extent) -> [Float] {
  guard values.count == from.count else {
    fatalError("resample: \(values.count) values are not \(from); pass one channel of the whole volume")
  }
  let taps = (0..<3).map { LinearTaps(count: from[$0], outputCount: to[$0], nearest: false) }
  var plane = [Float](repeating: 0, count: from.height * from.width), row = [Float](repeating: 0, count: from.width)
  return [Float](unsafeUninitializedCapacity: to.count) { result, initialized in
    values.withUnsafeBufferPointer { values in
      plane.withUnsafeMutableBufferPointer { plane in
        row.withUnsafeMutableBufferPointer { row in
          for d in 0..<to.depth {
            blend(values.baseAddress!, taps[0], d, plane)
            for h in 0..<to.height {
              blend(plane.baseAddress!, taps[1], h, row)
              for w in 0..<to.width {
                blend(row.baseAddress!, taps[2], w, UnsafeMutableBufferPointer(rebasing: result[to.index(d, h, w)...].prefix(1)))
              }
            }
          }
        }
      }
    }
    initialized = to.count
  }
}
