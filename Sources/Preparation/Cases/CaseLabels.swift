// Labels of a case's file on the grid of its prepared arrays. Axes: D depth, H height, W width.

import Volumes

extension PackedCase {
  /// Labels [D, H, W] of the whole canonical volume, cut and resampled to the prepared grid (and turned to its axes) as those of preparation are.
  public func prepared(labels: [UInt8]) -> [UInt8] {
    guard labels.count == frame.originalExtent.count else {
      fatalError("\(identifier): \(labels.count) labels are not \(frame.originalExtent); compare the grids first")
    }
    let box = Window(start: frame.cropStart, extent: frame.cropExtent)
    return resampleLabels(
      box.cut(frame.grid.reordered(fromCanonical: labels), of: frame.originalExtent, padding: [0]), from: frame.cropExtent,
      spacing: frame.originalSpacing, to: extent, newSpacing: spacing)
  }
}
