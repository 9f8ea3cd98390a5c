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

extension CropPlace {
  /// The crop of another array [D, H, W] of the same volume, with `outside` where the crop reaches beyond it.
  public func cut<Value: BitwiseCopyable>(_ values: [Value], outside: Value) -> [Value] {
    guard values.count == volume.count else {
      fatalError("a crop of \(values.count) values where its volume has \(volume): prepare the data again")
    }
    var result: [Value] = []
    result.reserveCapacity(crop.count)
    for d in 0..<crop.depth {
      for h in 0..<crop.height {
        for w in 0..<crop.width {
          let z = origin[0] + d * steps[0][0] + h * steps[1][0] + w * steps[2][0]
          let y = origin[1] + d * steps[0][1] + h * steps[1][1] + w * steps[2][1]
          let x = origin[2] + d * steps[0][2] + h * steps[1][2] + w * steps[2][2]
          let isInside = (0..<volume.depth).contains(z) && (0..<volume.height).contains(y) && (0..<volume.width).contains(x)
          result.append(isInside ? values[(z * volume.height + y) * volume.width + x] : outside)
        }
      }
    }
    return result
  }
}
