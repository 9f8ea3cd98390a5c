// Two loops over grids of floats, channels last, that registration is made of: reading a grid at places between its voxels, and symmetric
// filters along an axis. No result depends on the number of threads.

import CKernels

/// An affine map from voxels (d, h, w) of one grid to places in another, in its voxels: origin + d · columns[0] + h · columns[1] + w · columns[2].
public struct VoxelMap: Sendable {
  public var origin: SIMD3<Float>
  public var columns: (SIMD3<Float>, SIMD3<Float>, SIMD3<Float>)

  public init(origin: SIMD3<Float>, columns: (SIMD3<Float>, SIMD3<Float>, SIMD3<Float>)) {
    (self.origin, self.columns) = (origin, columns)
  }

  /// The place of a voxel.
  public func callAsFunction(_ d: Int, _ h: Int, _ w: Int) -> SIMD3<Float> {
    let plane = origin + Float(d) * columns.0, row = plane + Float(h) * columns.1
    return row + Float(w) * columns.2
  }

  /// The map that leaves every voxel where it is.
  public static let identity = VoxelMap(origin: .zero, columns: (SIMD3(1, 0, 0), SIMD3(0, 1, 0), SIMD3(0, 0, 1)))
}

/// y = keep · scale · m + x at map(voxel) + scale · m, with m the displacement at the voxel; linear between voxels, places beyond x clamped to it.
/// - Parameters:
///   - x: [sides of x, 4].
///   - displacements: [extent, 4] in voxels of x; nil for none.
///   - y: [extent, 4].
///   - inside: for each voxel 1 where its place is at most half a voxel beyond x; nil if nobody asks.
public func sampleGrid(
  _ x: UnsafePointer<Float>, sides: [Int], displacements: UnsafePointer<Float>? = nil, scale: Float = 1, keep: Float = 0,
  map: VoxelMap = .identity, extent: [Int], into y: UnsafeMutablePointer<Float>, inside: UnsafeMutablePointer<UInt8>? = nil
) {
  let (rows, width) = (extent[0] * extent[1], extent[2]), sides = sides.map { Int64($0) }
  parallelFor(rows, grain: max(1, 4096 / max(1, width))) { first, end in
    let step = [map.columns.2[0], map.columns.2[1], map.columns.2[2]]
    for row in first..<end {
      let start = map(row / extent[1], row % extent[1], 0)
      cohort_sample_row(
        y + row * width * 4, inside.map { $0 + row * width }, x, sides, displacements.map { $0 + row * width * 4 }, scale, keep,
        [start[0], start[1], start[2]], step, width)
    }
  }
}

/// y = Σ taps[|k|] · x at voxel + k along `axis`, the ends repeated; x and y: [extent, lanes].
/// - Parameter taps: those of k = 0, 1, 2, ...; the others are their mirror image.
public func filterAxis(
  _ x: UnsafePointer<Float>, extent: [Int], lanes: Int, axis: Int, taps: [Float], into y: UnsafeMutablePointer<Float>
) {
  let reach = taps.count - 1, line = extent[2] * lanes, offsets = Array(-reach...reach), weights = offsets.map { taps[abs($0)] }
  parallelFor(extent[0] * extent[1], grain: max(1, 4096 / max(1, line))) { first, end in
    withUnsafeTemporaryAllocation(of: Float.self, capacity: line + 2 * reach * lanes) { padded in
      var rows = [UnsafePointer<Float>?](repeating: nil, count: offsets.count)
      for row in first..<end {
        if axis == 2 {
          pad(x + row * line, count: extent[2], lanes: lanes, reach: reach, into: padded.baseAddress!)
          for tap in offsets.indices { rows[tap] = UnsafePointer(padded.baseAddress! + tap * lanes) }
        } else {
          let place = axis == 0 ? row / extent[1] : row % extent[1], apart = axis == 0 ? extent[1] : 1
          for (tap, offset) in offsets.enumerated() {
            rows[tap] = x + (row + (min(max(place + offset, 0), extent[axis] - 1) - place) * apart) * line
          }
        }
        cohort_weighted_rows(y + row * line, &rows, weights, rows.count, line)
      }
    }
  }
}

/// A row with its first and last voxel repeated `reach` times.
private func pad(_ x: UnsafePointer<Float>, count: Int, lanes: Int, reach: Int, into padded: UnsafeMutablePointer<Float>) {
  (padded + reach * lanes).update(from: x, count: count * lanes)
  for step in 0..<reach {
    (padded + step * lanes).update(from: x, count: lanes)
    (padded + (reach + count + step) * lanes).update(from: x + (count - 1) * lanes, count: lanes)
  }
}
