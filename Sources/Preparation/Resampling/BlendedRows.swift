// Linear interpolation along D and H one row at a time, so that nothing of the size of the new grid exists, and the blend of two slices, which
// trilinear resampling of a channel and of class scores share. Axes: D depth, H height, W width, K values of a voxel; row-major, the last axis fastest.

import Volumes

/// Blends values [D, H, W, K] to the rows of the grid `to`.
/// - Parameters:
///   - rowCount: W·K of the grid `from`.
///   - taps: those of all three axes; W is left to `body`.
///   - body: takes a row [W, K] with its place along D and H of the grid `to`; the row is overwritten after it.
func forEachBlendedRow(
  of values: [Float], from: Extent, rowCount: Int, to: Extent, taps: [LinearTaps],
  _ body: (_ d: Int, _ h: Int, _ row: UnsafePointer<Float>) -> Void
) {
  var plane = [Float](repeating: 0, count: from.height * rowCount), row = [Float](repeating: 0, count: rowCount)
  values.withUnsafeBufferPointer { values in
    plane.withUnsafeMutableBufferPointer { plane in
      row.withUnsafeMutableBufferPointer { row in
        for d in 0..<to.depth {
          blend(values.baseAddress!, taps[0], d, plane)
          for h in 0..<to.height {
            blend(plane.baseAddress!, taps[1], h, row)
            body(d, h, row.baseAddress!)
          }
        }
      }
    }
  }
}

/// Writes the blend of the two slices around one output position; a slice has as many values as `result`.
func blend(_ slices: UnsafePointer<Float>, _ taps: LinearTaps, _ output: Int, _ result: UnsafeMutableBufferPointer<Float>) {
  blend(
    slices + taps.lower[output] * result.count, slices + taps.upper[output] * result.count, Float(taps.upperShare[output]), result
  )
}

/// Writes `lower` + `share` · (`upper` - `lower`), as many values as `result` has.
func blend(
  _ lower: UnsafePointer<Float>, _ upper: UnsafePointer<Float>, _ share: Float, _ result: UnsafeMutableBufferPointer<Float>
) {
  for index in 0..<result.count { result[index] = lower[index] + share * (upper[index] - lower[index]) }
}
