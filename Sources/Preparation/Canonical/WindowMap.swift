// Between the voxels of a training crop and the coarse grid in which a frozen model takes and gives its masks.
// Crops are only turned by quarters and mirrored, so each axis of the crop runs along one axis
// of the window and all maps are products of maps along single axes. Axes: D, H, W of the crop; x, y, z of the window; K
// channels; G cells of the coarse grid along each axis.

import Kernels
import Tensors
import Volumes

/// The content of a crop in the cells of a coarse grid over a window.
public struct PooledCrop: Sendable {
  /// G.
  public var grid: Int
  public var channels: Int
  /// Means of what the crop holds of each cell, [G, G, G, K] along (x, y, z); 0 in unknown cells.
  public var values: [Float]
  /// [G, G, G]: whether the crop covers at least half of the cell.
  public var isKnown: [Bool]

  public init(grid: Int, channels: Int, values: [Float], isKnown: [Bool]) {
    (self.grid, self.channels, self.values, self.isKnown) = (grid, channels, values, isKnown)
  }

  /// One channel, [G, G, G].
  public func channel(_ channel: Int) -> [Float] { stride(from: channel, to: values.count, by: channels).map { values[$0] } }
}

/// How the voxels of a crop lie in a window.
public struct WindowMap: Sendable {
  public let crop: Extent
  /// N: voxels along each axis of the window.
  public let size: Int
  /// The steps along D, H, W of the crop: the window's axis, the window position of the crop's first voxel, and how far a voxel of
  /// the crop leads.
  private let axes: [Int]
  private let offsets: [Double]
  private let slopes: [Double]
  /// The window positions along each of these that the window answers for.
  private let reach: [ClosedRange<Double>]

  /// The map of a crop whose place in the volume is known.
  public init(_ place: CropPlace, _ window: CanonicalWindow) {
    let volumeAxes = place.steps.map { step in step.firstIndex { $0 != 0 }! }
    crop = place.crop
    size = window.size
    axes = volumeAxes.map { 2 - $0 }
    let first = window.position(place.origin.map(Double.init))
    offsets = volumeAxes.map { first[$0] }
    slopes = zip(place.steps, volumeAxes).map { step, axis in Double(step[axis]) / window.step[axis] }
    reach = volumeAxes.map { window.reach[$0] }
  }

  /// The map of a window that is the crop itself, axis by axis in the order of the array: the frame that ReLiF-3D and SemiSAM+
  /// publish.
  public init(cube side: Int) {
    crop = Extent(side, side, side)
    size = side
    (axes, offsets, slopes) = ([0, 1, 2], [0, 0, 0], [1, 1, 1])
    reach = Array(repeating: -.infinity ... .infinity, count: 3)
  }

  private init(_ crop: Extent, like other: WindowMap, offsets: [Double], slopes: [Double]) {
    (self.crop, size, axes, reach) = (crop, other.size, other.axes, other.reach)
    (self.offsets, self.slopes) = (offsets, slopes)
  }

  /// The map of a coarser grid over the same crop, such as that of a network's bottleneck.
  /// - Parameter grid: cells along D, H, W.
  public func coarsened(to grid: [Int]) -> WindowMap {
    let ratios = (0..<3).map { Double(crop[$0]) / Double(grid[$0]) }
    return WindowMap(
      Extent(grid[0], grid[1], grid[2]), like: self, offsets: (0..<3).map { offsets[$0] + slopes[$0] * (ratios[$0] - 1) / 2 },
      slopes: zip(slopes, ratios).map { $0 * $1 })
  }

  /// The voxels of the window that the crop covers along each of its axes; not above 0 where it covers nothing.
  public var overlap: [Double] {
    (0..<3).map { axis in
      let ends = [offsets[axis], offsets[axis] + slopes[axis] * Double(crop[axis] - 1)], half = abs(slopes[axis]) / 2
      return min(ends.max()! + half, Double(size) - 0.5) - max(ends.min()! - half, -0.5)
    }
  }

  /// Whether the crop covers anything of the window.
  public var isTouched: Bool { overlap.allSatisfy { $0 > 0 } }

  /// Averages over the cells of a coarse grid.
  /// - Parameter values: [1, D, H, W, K].
  public func pooled(_ values: Tensor, grid: Int) -> PooledCrop {
    let channels = values.shape.channels, cells = (0..<3).map { self.cells($0, grid) }
    let weights = (0..<3).map { averages(cells[$0], inputs: crop[$0]) }, shares = cells.map { $0.map(\.share) }
    var means = [Float](repeating: 0, count: grid * grid * grid * channels)
    withExtendedLifetime(values) { mapAxes(values.pointer, channels: channels, through: weights, into: &means) }
    var isKnown = [Float](repeating: 0, count: grid * grid * grid), cell = 0
    for a in shares[0] {
      for b in shares[1] {
        for c in shares[2] {
          isKnown[cell] = a * b * c >= 0.5 ? 1 : 0
          for channel in 0..<channels { means[cell * channels + channel] *= isKnown[cell] }
          cell += 1
        }
      }
    }
    let sides = [grid, grid, grid], order = (0..<3).map { axes.firstIndex(of: $0)! }
    return PooledCrop(
      grid: grid, channels: channels, values: permuted(means, sides: sides, channels: channels, order: order),
      isKnown: permuted(isKnown, sides: sides, channels: 1, order: order).map { $0 > 0 })
  }

  /// Coarse values of one or several windows at the voxels of the crop: trilinear from the grid (align_corners false), the mean
  /// where windows overlap, 0 where no window covers the voxel.
  /// - Parameter parts: maps of the same crop, each with values [G, G, G, K] along (x, y, z).
  /// - Returns: [1, D, H, W, K].
  public static func sampled(_ parts: [(map: WindowMap, values: [Float])], grid: Int, channels: Int) -> Tensor {
    let crop = parts[0].map.crop
    func shape(_ channels: Int) -> Shape { Shape([1, crop.depth, crop.height, crop.width, channels]) }
    if parts.count == 1 {
      let result = Tensor(uninitialized: shape(channels))
      withExtendedLifetime(result) { parts[0].map.sample(parts[0].values, grid: grid, channels: channels, into: result.pointer) }
      return result
    }
    // A further channel of ones counts the windows at each voxel.
    let sum = Tensor(zeros: shape(channels + 1)), result = Tensor(uninitialized: shape(channels))
    var counted = [Float](repeating: 1, count: grid * grid * grid * (channels + 1))
    for part in parts {
      spread(part.values, channels: channels, into: &counted)
      let term = Tensor(uninitialized: sum.shape)
      part.map.sample(counted, grid: grid, channels: channels + 1, into: term.pointer)
      withExtendedLifetime(term) { add(term.pointer, to: sum.pointer, count: sum.count) }
    }
    withExtendedLifetime((sum, result)) {
      let (from, to) = (sum.pointer, result.pointer)
      parallelFor(crop.count, grain: 4096) { start, end in
        for voxel in start..<end {
          let count = max(from[voxel * (channels + 1) + channels], 1)
          for c in 0..<channels { to[voxel * channels + c] = from[voxel * (channels + 1) + c] / count }
        }
      }
    }
    return result
  }

  /// Copies [cells, channels] to the first channels of [cells, channels + 1].
  private static func spread(_ values: [Float], channels: Int, into wider: inout [Float]) {
    values.withUnsafeBufferPointer { values in
      wider.withUnsafeMutableBufferPointer { wider in
        for cell in 0..<values.count / channels {
          for c in 0..<channels { wider[cell * (channels + 1) + c] = values[cell * channels + c] }
        }
      }
    }
  }

  private func sample(_ values: [Float], grid: Int, channels: Int, into target: UnsafeMutablePointer<Float>) {
    let ratio = Double(size) / Double(grid)
    let weights = (0..<3).map { axis in
      linearWeights(
        inputs: grid,
        at: (0..<crop[axis]).map { offsets[axis] + slopes[axis] * Double($0) }
          .map { reach[axis].contains($0) ? ($0 + 0.5) / ratio - 0.5 : nil })
    }
    let ordered = permuted(values, sides: [grid, grid, grid], channels: channels, order: axes)
    mapAxes(ordered, channels: channels, through: weights, into: target)
  }

  /// How much of a cell, 1 being all, each of some consecutive voxels of the crop covers.
  private struct Cell {
    var first = 0
    var shares: [Double] = []
    var share: Double { shares.reduce(0, +) }
  }

  /// The cells along an axis of the crop.
  private func cells(_ axis: Int, _ grid: Int) -> [Cell] {
    let ratio = Double(size) / Double(grid), half = abs(slopes[axis]) / 2
    return (0..<grid).map { number in
      let start = Double(number) * ratio - 0.5, end = start + ratio
      var cell = Cell()
      for voxel in 0..<crop[axis] {
        let middle = offsets[axis] + slopes[axis] * Double(voxel)
        let overlap = min(end, middle + half) - max(start, middle - half)
        guard overlap > 1e-9 else { continue }
        if cell.shares.isEmpty { cell.first = voxel }
        cell.shares.append(overlap / ratio)
      }
      return cell
    }
  }

  private func averages(_ cells: [Cell], inputs: Int) -> AxisWeights {
    var weights = AxisWeights(inputs: inputs)
    for cell in cells { weights.append(first: cell.first, cell.shares.map { Float($0 / cell.share) }) }
    return weights
  }
}
