// A label map in memory. Axes as in Volume.swift: [D, H, W], canonical RAS+ orientation.

/// One class index for each voxel; 0 is background.
public struct LabelVolume: Sendable {
  public var extent: Extent
  /// Millimetres, order D, H, W.
  public var spacing: Spacing
  /// `extent.count` values, row-major [D, H, W].
  public var labels: [UInt8]
  /// The grid of the file, verbatim: what `writeLabels` restores.
  public var grid: FileGrid

  public init(extent: Extent, spacing: Spacing, labels: [UInt8], grid: FileGrid) {
    (self.extent, self.spacing, self.labels, self.grid) = (extent, spacing, labels, grid)
  }
}
