// The rotation and scale of nnU-Net's augmentation (MIC-DKFZ/batchgeneratorsv2 0.3.6, transforms/spatial/spatial.py): one linear map about the
// middle of the patch. Axes: 0 depth, 1 height, 2 width, in voxels.

import Foundation
import Volumes

/// Takes a voxel's distance from the middle of the patch to its distance from the middle of what it is read from.
public struct SpatialTransform: Sendable, Equatable {
  /// Three rows of a matrix: source along each axis = Σ row · target.
  public let rows: [[Double]]

  /// Rotations about the axes by `angles` (radians; 0 depth, 1 height, 2 width), in this order, after a scale of all axes. A scale above 1 shrinks
  /// what is seen.
  public init(angles: [Double], scale: Double) {
    var rows = [[scale, 0, 0], [0, scale, 0], [0, 0, scale]]
    for (axis, angle) in angles.enumerated() {
      let (one, other) = ((axis + 1) % 3, (axis + 2) % 3), (c, s) = (cos(angle), sin(angle)), before = rows
      rows[one] = (0..<3).map { c * before[one][$0] - s * before[other][$0] }
      rows[other] = (0..<3).map { s * before[one][$0] + c * before[other][$0] }
    }
    self.rows = rows
  }

  /// A rotation in the slices by `angle`, radians, after a scale of height and width.
  public init(angleInPlane angle: Double, scale: Double) {
    let (c, s) = (scale * cos(angle), scale * sin(angle))
    rows = [[1, 0, 0], [0, c, -s], [0, s, c]]
  }
}

/// A patch that is read from a box of a volume through a transform. What lies beyond the volume or the box is outside.
package struct TurnedPatch: Sendable, Equatable {
  let transform: SpatialTransform
  /// Of the result.
  let patch: Extent
  let volume: Extent
  /// The first voxel of the box, which may lie outside of the volume.
  let start: [Int]
  /// The voxels of the box that lie in the volume, along each axis.
  let box: [Range<Int>]
  /// The middle of the box, which may lie between voxels.
  private let middle: [Double]

  /// - Parameters:
  ///   - start: of the box, which may reach beyond the volume.
  ///   - enlarged: the box.
  package init(_ transform: SpatialTransform, patch: Extent, start: [Int], enlarged: Extent, volume: Extent) {
    (self.transform, self.patch, self.volume, self.start) = (transform, patch, volume, start)
    box = (0..<3).map { axis in
      let first = max(0, start[axis])
      return first..<max(first, min(volume[axis], start[axis] + enlarged[axis]))
    }
    middle = (0..<3).map { Double(start[$0]) + Double(enlarged[$0] - 1) / 2 }
  }

  /// The position in the volume of the first voxel of row (d, h), and how it moves for a step along the row.
  func row(_ d: Int, _ h: Int) -> (position: SIMD3<Double>, step: SIMD3<Double>) {
    let (x, y, z) = (
      Double(d) - Double(patch.depth - 1) / 2, Double(h) - Double(patch.height - 1) / 2, -Double(patch.width - 1) / 2
    )
    func position(_ axis: Int) -> Double {
      let row = transform.rows[axis]
      return middle[axis] + (row[0] * x + row[1] * y + row[2] * z)
    }
    return (
      SIMD3(position(0), position(1), position(2)),
      SIMD3(transform.rows[0][2], transform.rows[1][2], transform.rows[2][2])
    )
  }
}
