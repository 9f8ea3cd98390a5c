// Where a crop lies in its prepared volume, so that what is known of the whole volume (a frozen prior's embedding, an atlas) can be brought
// to the crop and back. Axes: D depth, H height, W width, in voxels.

import Volumes

/// The map from the voxels of a crop to those of the prepared volume that it was cut from: crop voxel (d, h, w) is volume voxel
/// `origin + d · steps[0] + h · steps[1] + w · steps[2]`, which may lie outside the volume where the crop is padded.
public struct CropPlace: Sendable, Equatable {
  public var volume: Extent
  /// The spacing of the prepared volume, mm.
  public var spacing: Spacing
  public var crop: Extent
  /// (D, H, W) of the crop's first voxel.
  public var origin: [Int]
  /// Three unit vectors, each along ± one axis of the volume.
  public var steps: [[Int]]

  public init(volume: Extent, spacing: Spacing, crop: Extent, origin: [Int], steps: [[Int]]) {
    (self.volume, self.spacing, self.crop, self.origin, self.steps) = (volume, spacing, crop, origin, steps)
  }

  /// A crop as it was cut, neither turned nor mirrored.
  public init(volume: Extent, spacing: Spacing, crop: Extent, origin: [Int]) {
    self.init(volume: volume, spacing: spacing, crop: crop, origin: origin, steps: [[1, 0, 0], [0, 1, 0], [0, 0, 1]])
  }

  /// The voxel of the volume at a voxel of the crop.
  public func position(_ d: Int, _ h: Int, _ w: Int) -> [Int] {
    (0..<3).map { origin[$0] + d * steps[0][$0] + h * steps[1][$0] + w * steps[2][$0] }
  }
}
