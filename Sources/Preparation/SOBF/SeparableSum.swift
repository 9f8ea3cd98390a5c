// Fields that are sums of products of one function for each axis, computed axis by axis.
// Axes: D depth, H height, W width; row-major, W fastest. N, P, Q are indices of functions along D, H, W.

import Volumes

/// Functions of one axis, tabulated at its voxels.
struct AxisFunctions {
  let indices: Int
  /// Voxels along the axis.
  let count: Int
  /// [index, voxel].
  let table: [Double]

  /// - Parameter functions: the values of each, all of one length.
  init(_ functions: [[Double]]) {
    (indices, count, table) = (functions.count, functions[0].count, Array(functions.joined()))
  }
}

/// The field Σ c[n, p, q] f_n(d) g_p(h) h_q(w).
struct SeparableSum {
  let extent: Extent
  /// Functions along D, H, W.
  let bases: [AxisFunctions]

  /// - Parameter coefficients: [N, P, Q].
  func field(_ coefficients: [Double]) -> [Float] { alongDepth(alongHeight(alongWidth(coefficients))) }

  /// [N, P, Q] to [N, P, W].
  private func alongWidth(_ coefficients: [Double]) -> [Double] {
    let basis = bases[2], lines = bases[0].indices * bases[1].indices
    var values = [Double](repeating: 0, count: lines * basis.count)
    for line in 0..<lines {
      for q in 0..<basis.indices {
        accumulate(
          basis.table, q * basis.count, coefficients[line * basis.indices + q], &values, line * basis.count, basis.count)
      }
    }
    return values
  }

  /// [N, P, W] to [H, N, W]: the order in which the last step reads them.
  private func alongHeight(_ rows: [Double]) -> [Double] {
    let depthIndices = bases[0].indices, basis = bases[1], width = extent.width
    var planes = [Double](repeating: 0, count: basis.count * depthIndices * width)
    for h in 0..<basis.count {
      for n in 0..<depthIndices {
        for p in 0..<basis.indices {
          accumulate(
            rows, (n * basis.indices + p) * width, basis.table[p * basis.count + h], &planes, (h * depthIndices + n) * width,
            width
          )
        }
      }
    }
    return planes
  }

  /// [H, N, W] to the field [D, H, W].
  private func alongDepth(_ planes: [Double]) -> [Float] {
    let basis = bases[0]
    var field = [Float](repeating: 0, count: extent.count)
    var row = [Double](repeating: 0, count: extent.width)
    for h in 0..<extent.height {
      for d in 0..<extent.depth {
        for w in 0..<extent.width { row[w] = 0 }
        for n in 0..<basis.indices {
          accumulate(planes, (h * basis.indices + n) * extent.width, basis.table[n * basis.count + d], &row, 0, extent.width)
        }
        let start = extent.index(d, h, 0)
        for w in 0..<extent.width { field[start + w] = Float(row[w]) }
      }
    }
    return field
  }

  private func accumulate(
    _ source: [Double], _ sourceStart: Int, _ factor: Double, _ target: inout [Double], _ targetStart: Int, _ count: Int
  ) {
    source.withUnsafeBufferPointer { source in
      target.withUnsafeMutableBufferPointer { target in
        for index in 0..<count { target[targetStart + index] += factor * source[sourceStart + index] }
      }
    }
  }
}
