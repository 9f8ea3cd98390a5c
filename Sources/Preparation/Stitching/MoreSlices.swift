// Thin volumes on a grid of more slices before they are stitched: the strategy "uniform" of Li et al., arXiv 2403.11229, table VI.

import Volumes

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
