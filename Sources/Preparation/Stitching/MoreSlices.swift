// Thin volumes on a grid of more slices before they are stitched, and back: the strategy "uniform" of Li et al., arXiv 2403.11229, table VI.
// Axes: D slices, H, W, K classes.

import Volumes

extension Stitching {
  /// The side of the crops that every data set is stitched from in the geometry `uniform`, unless others are chosen.
  public static let uniformSide = 96

  /// The volume out of which crops are cut: in the geometry `uniform` one of at least as many slices as a crop has. Otherwise crops go beyond a thin
  /// volume, and hold zeros there.
  public func source(_ volume: PackedCase) -> PackedCase {
    geometry == .uniform ? volume.withSlices(atLeast: crop.depth) : volume
  }

  /// Probabilities [D, H, W, K] of a volume from those of its `source`, linear between slices.
  public func restored(_ probabilities: [Float], classes: Int, to volume: PackedCase) -> [Float] {
    resampled(probabilities, channels: classes, from: source(volume.extent), to: volume.extent)
  }

  private func source(_ extent: Extent) -> Extent {
    geometry == .uniform ? Extent(max(extent.depth, crop.depth), extent.height, extent.width) : extent
  }
}

extension PackedCase {
  /// The case with at least `depth` slices that cover the same space: the image linear between slices, of the labels the class that has half of the
  /// votes. A case that has them already is as it was.
  public func withSlices(atLeast depth: Int) -> PackedCase {
    guard extent.depth < depth else { return self }
    var result = self
    result.extent.depth = depth
    result.spacing.depth = spacing.depth * Double(extent.depth) / Double(depth)
    result.image = resampleLinearly(image, channels: channels, from: extent, to: result.extent)
    // Equal spacings, so that thick slices are blended as those of the image are.
    let unit = Spacing(1, 1, 1)
    result.label = label.map { resampleLabels($0, from: extent, spacing: unit, to: result.extent, newSpacing: unit) }
    return result
  }
}
