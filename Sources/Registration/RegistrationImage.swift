// An image to register, and its copies on coarser grids. Where it lies in the scanner does not matter: places are millimetres from the middle of the
// volume, along D, H, W.

import Kernels
import Volumes

/// An image to register.
public struct RegistrationImage: Sendable, Codable {
  /// Of more channels than these, the first ones are compared.
  public static let mostChannels = 4

  public var extent: Extent
  public var spacing: Spacing
  public var channels: Int
  /// [D, H, W, C].
  public var values: [Float]

  public init(extent: Extent, spacing: Spacing, channels: Int, values: [Float]) {
    (self.extent, self.spacing, self.channels, self.values) = (extent, spacing, channels, values)
  }

  /// The image of which each volume is a channel, all on the grid of the first; at least one.
  public init(channels volumes: [Volume]) {
    let count = volumes.count, first = volumes[0]
    self.init(
      extent: first.extent, spacing: first.spacing, channels: count,
      values: [Float](unsafeUninitializedCapacity: first.voxels.count * count) { values, initialized in
        for (channel, volume) in volumes.enumerated() {
          for voxel in volume.voxels.indices { values[voxel * count + channel] = volume.voxels[voxel] }
        }
        initialized = first.voxels.count * count
      })
  }

  /// The image on cubic voxels of so many mm, the means over them; of the channels those that are compared.
  public func averaged(to millimetres: Double) -> RegistrationImage {
    let from = Frame(extent, spacing), frame = from.isotropic(millimetres), kept = min(channels, Self.mostChannels)
    let grid = from.averaged(values, channels: channels, onto: frame)
    let averages =
      kept == channels
      ? Array(UnsafeBufferPointer(start: grid.values, count: grid.count))
      : (0..<grid.extent.count * kept).map { grid.values[$0 / kept * channels + $0 % kept] }
    return RegistrationImage(
      extent: frame.extent, spacing: Spacing(millimetres, millimetres, millimetres), channels: kept, values: averages)
  }
}

/// Where the voxels of a volume are, in millimetres from its middle.
package struct Frame {
  package var extent: Extent
  package var spacing: SIMD3<Double>

  package init(_ extent: Extent, _ spacing: Spacing) {
    (self.extent, self.spacing) = (extent, SIMD3(spacing.depth, spacing.height, spacing.width))
  }

  init(_ extent: Extent, millimetres: Double) { (self.extent, spacing) = (extent, SIMD3(repeating: millimetres)) }

  /// The voxel in the middle, between voxels where their number is even.
  package var middle: SIMD3<Double> { (SIMD3(Double(extent.depth), Double(extent.height), Double(extent.width)) - 1) / 2 }
  var size: SIMD3<Double> { (middle * 2 + 1) * spacing }

  /// A frame of cubic voxels over the same place.
  func isotropic(_ millimetres: Double) -> Frame {
    let counts = (0..<3).map { max(1, Int((size[$0] / millimetres).rounded())) }
    return Frame(Extent(counts[0], counts[1], counts[2]), millimetres: millimetres)
  }

  /// Values [D, H, W, C] on a coarser grid over the same place, [D, H, W, C].
  fileprivate func averaged(_ values: [Float], channels: Int, onto frame: Frame) -> Grid {
    let axes = (0..<3).map { axis in
      AxisWeights.averaging(extent[axis], spacing: spacing[axis], to: frame.extent[axis], spacing: frame.spacing[axis])
    }
    let result = Grid(frame.extent, lanes: channels)
    values.withUnsafeBufferPointer { mapAxes($0.baseAddress!, channels: channels, through: axes, into: result.values) }
    return result
  }
}

/// An image on a grid of cubic voxels, each channel of mean 0 and standard deviation 1.
package struct Level {
  let frame: Frame
  /// 4 lanes, those beyond the channels 0.
  let image: Grid
  let channels: Int
  /// 1 where the image was read inside of another one, 0 where it is repeated from its border; nil where all is inside.
  var inside: [UInt8]?

  var millimetres: Double { frame.spacing[0] }

  /// Of all channels' values.
  var sumOfSquares: Double { Kernels.sumOfSquares(image.values, count: image.count) }
}

extension RegistrationImage {
  /// The image on grids of `finest` mm and of twice, four times, ... as much, finest first, as long as the next has some hundreds of voxels.
  package func levels(finest: Double) -> [Level] {
    var levels = [Level(self, finest)]
    while levels.count < 6, let last = levels.last, last.frame.extent.count > 6000 {
      levels.append(Level(self, finest * Double(1 << levels.count)))
    }
    return levels
  }
}

extension Level {
  fileprivate init(_ image: RegistrationImage, _ millimetres: Double) {
    let from = Frame(image.extent, image.spacing), channels = min(image.channels, RegistrationImage.mostChannels)
    let frame = from.isotropic(millimetres)
    (self.frame, self.channels) = (frame, channels)
    self.image = Grid.zeros(frame.extent, lanes: 4)
    let whole = from.averaged(image.values, channels: image.channels, onto: frame)
    for channel in 0..<channels { standardize(whole, channel) }
  }

  private func standardize(_ from: Grid, _ channel: Int) {
    let voxels = frame.extent.count, lanes = from.lanes, x = from.values + channel
    let sums = sumOverBlocks(voxels, sums: 2) { start, length, sums in
      for voxel in start..<start + length {
        let value = Double(x[voxel * lanes])
        sums[0] += value
        sums[1] += value * value
      }
    }
    let mean = sums[0] / Double(voxels), variance = sums[1] / Double(voxels) - mean * mean
    let factor = variance > 1e-12 * max(1, mean * mean) ? 1 / variance.squareRoot() : 0
    for voxel in 0..<voxels { image.values[voxel * 4 + channel] = Float((Double(x[voxel * lanes]) - mean) * factor) }
  }
}

extension AxisWeights {
  /// Linear between voxels where the output is finer, a weighted mean over two output voxels where it is coarser; the middles agree.
  fileprivate static func averaging(_ inputs: Int, spacing: Double, to outputs: Int, spacing outputSpacing: Double) -> AxisWeights
  {
    var axis = AxisWeights(inputs: inputs)
    let reach = max(spacing, outputSpacing) / spacing
    for output in 0..<outputs {
      let place = (Double(output) - Double(outputs - 1) / 2) * outputSpacing / spacing + Double(inputs - 1) / 2
      let centre = min(max(place, 0), Double(inputs - 1))
      let first = max(0, Int((centre - reach).rounded(.up))), last = min(inputs - 1, Int((centre + reach).rounded(.down)))
      let weights = (first...last).map { max(0, 1 - abs(Double($0) - centre) / reach) }, sum = weights.reduce(0, +)
      axis.append(first: first, weights.map { Float($0 / sum) })
    }
    return axis
  }
}
