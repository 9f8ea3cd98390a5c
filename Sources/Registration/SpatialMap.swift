// The result of a registration: where each place of the fixed volume lies in the moving one; labels and images carried along.

import Kernels
import Volumes

/// A deformation of the fixed volume, then an affine map into the moving one.
public struct SpatialMap: @unchecked Sendable {
  // Unchecked: the grid is written before the map is made, never after.

  public let affine: AffineMap
  /// The mean of the squared local correlation of both images, weighted by the variance of the fixed one, 0...1.
  public let similarity: Double
  /// The least determinant of the Jacobian of the deformation: below 0 where it folds.
  public let leastDeterminant: Float
  /// The squared local correlation around each voxel of `frame`, in lane 0.
  let agreement: Grid
  /// Displacements in voxels of `frame`.
  package let displacement: Grid
  let frame: Frame

  /// Squared local correlation that images of different things reach too.
  private static let leastSimilarity = 0.1

  /// Why it is not to be believed, a phrase; nil where nothing is known against it.
  var problem: String? {
    // So that what is no number complains.
    if !(similarity >= Self.leastSimilarity) { return "it looks like none of the labelled volumes" }
    return leastDeterminant > 0 ? nil : "the deformation folds"
  }

  /// The labels of an atlas at the voxels of the fixed image.
  /// - Parameter classes: K.
  public func carried(_ atlas: Atlas, classes: Int, to fixed: PreparedImage) -> FusedLabels {
    LabelFusion(classes: classes).fused([(atlas, self)], at: fixed.frame)
  }

  /// Places in the moving volume, in its voxels, of the voxels of the fixed one.
  /// - Parameter planes: of the fixed volume, along depth.
  package func places(_ from: Frame, _ to: Frame, planes: Range<Int>) -> Grid {
    let moves = onVoxels(displacement, of: from, planes: planes), map = affine.voxels(from: from, to: to)
    let perVoxel = affine.voxels(from: frame, to: to).columns, (height, width) = (from.extent.height, from.extent.width)
    parallelFor(planes.count * height, grain: max(1, 4096 / width)) { first, end in
      for row in first..<end {
        for column in 0..<width {
          let u = moves.values + (row * width + column) * 4
          var place = map(planes.lowerBound + row / height, row % height, column)
          place += u[0] * perVoxel.0
          place += u[1] * perVoxel.1
          place += u[2] * perVoxel.2
          for axis in 0..<3 { u[axis] = place[axis] }
        }
      }
    }
    return moves
  }

  /// The squared local correlation at the voxels of some planes of the fixed volume, in lane 0.
  func agreement(_ from: Frame, planes: Range<Int>) -> Grid { onVoxels(agreement, of: from, planes: planes) }

  private func onVoxels(_ grid: Grid, of from: Frame, planes: Range<Int>) -> Grid {
    var map = AffineMap().voxels(from: from, to: frame)
    map.origin = map(planes.lowerBound, 0, 0)
    return grid.sampled(nil, map: map, extent: Extent(planes.count, from.extent.height, from.extent.width))
  }
}
