// Registration of a moving image with a fixed one: affine, then deformable.

import Kernels
import Volumes

/// How images are registered.
public struct Registration: Sendable {
  /// mm between the voxels of the finest grid.
  public var millimetres: Double
  public var settings = DeformationSettings()

  public init(millimetres: Double) { self.millimetres = millimetres }

  /// The finest grid for volumes of these sizes, mm: their own where the largest of them has so few voxels of it, else a coarser one, up to `most`. By
  /// default as fine a one as lets it be registered in about a second.
  public static func millimetres(
    for volumes: [(extent: Extent, spacing: Spacing)], voxels: Int = 1 << 18, most: Double = 4
  ) -> Double {
    let frames = volumes.map { Frame($0.extent, $0.spacing) }
    let largest = frames.map { $0.size[0] * $0.size[1] * $0.size[2] }.max() ?? 1,
      finest = frames.map { $0.spacing.min() }.min() ?? 1
    return max(finest, min(raise(largest / Double(voxels), to: 1 / 3.0), most))
  }

  /// An image on the grids of this registration, for as many registrations as wanted.
  public func prepared(_ image: RegistrationImage) -> PreparedImage {
    PreparedImage(frame: Frame(image.extent, image.spacing), channels: image.channels, levels: image.levels(finest: millimetres))
  }

  /// The affine map under which both correlate best, and their squared correlation, 0...1; both are prepared by this registration.
  func aligned(fixed: PreparedImage, moving: PreparedImage) -> (map: AffineMap, correlation: Double) {
    AffineRegistration(fixed: fixed.levels, moving: moving.levels).best()
  }

  /// Finds where each place of `fixed` lies in `moving`; both are prepared by this registration.
  public func register(fixed: PreparedImage, moving: PreparedImage) -> SpatialMap {
    deformed(fixed: fixed, moving: moving, after: aligned(fixed: fixed, moving: moving).map)
  }

  /// Goes on from an affine map.
  package func deformed(fixed: PreparedImage, moving: PreparedImage, after affine: AffineMap) -> SpatialMap {
    let count = min(fixed.levels.count, moving.levels.count, settings.steps.count)
    let moved = (0..<count).map { moving.levels[$0].moved(affine, onto: fixed.levels[$0].frame) }
    let map = DeformableRegistration(settings: settings, fixed: Array(fixed.levels.prefix(count)), moving: moved).best()
    let (still, there) = (fixed.levels[0], moved[0])
    let agreement = LocalCorrelation(
      still: still.image, moved: there.image.sampled(map.forward), channels: min(still.channels, there.channels),
      sigma: settings.window
    ).squared()
    return SpatialMap(
      affine: affine, similarity: agreement.weightedMean, leastDeterminant: map.forward.jacobianDeterminants().min() ?? 1,
      agreement: agreement, displacement: map.forward, frame: still.frame)
  }
}

/// An image on all the grids that a registration needs.
public struct PreparedImage: @unchecked Sendable {
  // Unchecked: the grids are written before this is made, never after.
  let frame: Frame
  let channels: Int
  let levels: [Level]
}

extension Level {
  /// This image as an affine map shows it on another grid.
  fileprivate func moved(_ affine: AffineMap, onto target: Frame) -> Level {
    var inside = [UInt8](repeating: 0, count: target.extent.count)
    let image = image.sampled(nil, map: affine.voxels(from: target, to: frame), extent: target.extent, inside: &inside)
    return Level(frame: target, image: image, channels: channels, inside: inside)
  }
}

extension Grid {
  /// The mean of lane 0 weighted by lane 1.
  fileprivate var weightedMean: Double {
    let sums = sumOverBlocks(extent.count, sums: 2, block: 1 << 12) { start, length, sums in
      for voxel in start..<start + length {
        sums[0] += Double(values[voxel * 4]) * Double(values[voxel * 4 + 1])
        sums[1] += Double(values[voxel * 4 + 1])
      }
    }
    return sums[1] > 0 ? sums[0] / sums[1] : 0
  }
}
