// Where a crop lies in its prepared volume, so that what is known of the whole volume (a frozen prior's embedding, an atlas) can be brought
// to the crop and back. Axes: D depth, H height, W width, in voxels.

import Volumes

/// The map from the voxels of a crop to those of the prepared volume that it was cut from: crop voxel (d, h, w) is volume voxel
/// `origin + d · steps[0] + h · steps[1] + w · steps[2]`, which may lie outside the volume where the crop is padded.
public struct CropPlace: Sendable, Equatable {
  private struct Turned: Sendable, Equatable {
    let patch: TurnedPatch
    let permutation: PatchPermutation
  }

  public var volume: Extent
  /// The spacing of the prepared volume, mm.
  public var spacing: Spacing
  public var crop: Extent
  /// (D, H, W) of the crop's first voxel.
  public var origin: [Int]
  /// Three unit vectors, each along ± one axis of the volume.
  public var steps: [[Int]]
  /// How the crop was turned or scaled before it was mirrored; nil where it was not. Then `origin` and `steps` tell what was turned, and only labels can be
  /// brought to the crop.
  private var turned: Turned?

  public init(volume: Extent, spacing: Spacing, crop: Extent, origin: [Int], steps: [[Int]]) {
    (self.volume, self.spacing, self.crop, self.origin, self.steps) = (volume, spacing, crop, origin, steps)
  }

  /// A crop as it was cut, neither turned nor mirrored.
  public init(volume: Extent, spacing: Spacing, crop: Extent, origin: [Int]) {
    self.init(volume: volume, spacing: spacing, crop: crop, origin: origin, steps: [[1, 0, 0], [0, 1, 0], [0, 0, 1]])
  }

  /// A crop that was cut or turned, then permuted.
  init(_ window: Window, _ turned: TurnedPatch?, _ permutation: PatchPermutation, volume: Extent, spacing: Spacing) {
    let (first, steps) = permutation.map(window.extent)
    self.init(
      volume: volume, spacing: spacing, crop: window.extent, origin: zip(window.start, first).map { $0 + $1 }, steps: steps)
    self.turned = turned.map { Turned(patch: $0, permutation: permutation) }
  }

  /// The voxel of the volume at a voxel of the crop.
  public func position(_ d: Int, _ h: Int, _ w: Int) -> [Int] {
    (0..<3).map { origin[$0] + d * steps[0][$0] + h * steps[1][$0] + w * steps[2][$0] }
  }
}

extension CropPlace {
  /// The crop of other labels [D, H, W] of the same volume, brought to it as its own label is; 0 beyond the volume.
  public func cut(labels: [UInt8]) -> [UInt8] {
    guard let turned else { return cut(labels, outside: 0) }
    return turned.permutation.apply(turned.patch.read(labels), extent: crop, channels: 1)
  }

  /// The crop of another array [D, H, W] of the same volume, with `outside` where the crop reaches beyond it. Not of crops that were turned.
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
