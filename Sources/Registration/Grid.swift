// Values on a regular grid, several for each voxel, with the two loops of registration as methods. Axes: D depth, H height, W width, L lanes.

import Kernels
import Volumes

/// Values [D, H, W, L].
package final class Grid {
  package let extent: Extent
  let lanes: Int
  package let values: UnsafeMutablePointer<Float>
  private let storage: Storage
  package var count: Int { extent.count * lanes }
  var sides: [Int] { [extent.depth, extent.height, extent.width] }

  /// Undefined until written.
  init(_ extent: Extent, lanes: Int) {
    (self.extent, self.lanes, storage) = (extent, lanes, Storage(count: extent.count * lanes))
    values = storage.pointer
  }

  static func zeros(_ extent: Extent, lanes: Int) -> Grid {
    let grid = Grid(extent, lanes: lanes)
    fill(grid.values, with: 0, count: grid.count)
    return grid
  }

  /// This grid read at map(voxel) + scale · displacement, for each voxel of `extent`; places beyond it are clamped. 4 lanes.
  /// - Parameter keep: so much of the displacement is added to what is read there.
  package func sampled(
    _ displacement: Grid?, scale: Float = 1, keep: Float = 0, map: VoxelMap = .identity, extent: Extent? = nil,
    inside: UnsafeMutablePointer<UInt8>? = nil
  ) -> Grid {
    let result = Grid(extent ?? displacement?.extent ?? self.extent, lanes: 4)
    sampleGrid(
      values, sides: sides, displacements: displacement.map { UnsafePointer($0.values) }, scale: scale, keep: keep, map: map,
      extent: result.sides, into: result.values, inside: inside)
    return result
  }

  /// Filtered along each axis by symmetric taps of 0, 1, 2, ... voxels away.
  func filtered(_ taps: [Float]) -> Grid {
    guard taps.count > 1 else { return self }
    var from = self
    for axis in 0..<3 {
      let to = Grid(extent, lanes: lanes)
      filterAxis(from.values, extent: sides, lanes: lanes, axis: axis, taps: taps, into: to.values)
      from = to
    }
    return from
  }

  /// Smoothed by a Gaussian.
  /// - Parameter sigma: voxels.
  func smoothed(_ sigma: Double) -> Grid { filtered(gaussianTaps(sigma)) }
}

/// A Gaussian cut off at three standard deviations, of sum 1 with its mirror image.
func gaussianTaps(_ sigma: Double) -> [Float] {
  guard sigma > 0.1 else { return [1] }
  let reach = Int((3 * sigma).rounded(.up)), taps = (0...reach).map { exponential(-0.5 * Double($0 * $0) / (sigma * sigma)) }
  let sum = 2 * taps.reduce(0, +) - taps[0]
  return taps.map { Float($0 / sum) }
}

extension Grid {
  /// A lane and its central differences along D, H, W, per voxel.
  func withSlopes(lane: Int) -> Grid {
    let result = Grid(extent, lanes: 4), x = values + lane, (d, h, w) = (extent.depth, extent.height, extent.width)
    func difference(_ voxel: Int, _ place: Int, _ count: Int, _ apart: Int) -> Float {
      let high = place + 1 < count ? apart : 0, low = place > 0 ? apart : 0
      return high + low == 0 ? 0 : (x[(voxel + high) * lanes] - x[(voxel - low) * lanes]) * Float(apart) / Float(high + low)
    }
    parallelFor(d * h, grain: max(1, 4096 / w)) { first, end in
      for row in first..<end {
        for column in 0..<w {
          let voxel = row * w + column, to = result.values + voxel * 4
          to[0] = x[voxel * lanes]
          to[1] = difference(voxel, row / h, d, h * w)
          to[2] = difference(voxel, row % h, h, w)
          to[3] = difference(voxel, column, w, 1)
        }
      }
    }
    return result
  }
}
