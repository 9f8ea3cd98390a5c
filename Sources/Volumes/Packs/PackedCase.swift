// A prepared case as it lies in a pack, and how its prepared arrays relate to the file they came from.
// Axes: D depth, H height, W width in voxels, C channels; row-major, channels last.

/// The way back from prepared arrays to the file: undo the resampling to `cropExtent`, paste at `cropStart` into `originalExtent`, write on `grid`.
public struct CaseFrame: Sendable, Codable, Hashable {
  /// The canonical volume before cropping and resampling.
  public var originalExtent: Extent
  public var originalSpacing: Spacing
  /// The first voxel of the crop along D, H, W, in the canonical volume before resampling.
  public var cropStart: [Int]
  /// The crop before resampling, voxels.
  public var cropExtent: Extent
  public var grid: FileGrid

  public init(originalExtent: Extent, originalSpacing: Spacing, cropStart: [Int], cropExtent: Extent, grid: FileGrid) {
    (self.originalExtent, self.originalSpacing) = (originalExtent, originalSpacing)
    (self.cropStart, self.cropExtent, self.grid) = (cropStart, cropExtent, grid)
  }
}

/// A prepared case in memory.
public struct PackedCase: Sendable {
  public var identifier: String
  public var role: CaseRole
  /// Voxels of the prepared arrays.
  public var extent: Extent
  public var spacing: Spacing
  public var channels: Int
  /// Normalised intensities, [D, H, W, C].
  public var image: [Float]
  /// Class numbers, [D, H, W]; nil where there is no label.
  public var label: [UInt8]?
  /// 1 where the object is, 0 outside, [D, H, W]; nil where nothing depends on it.
  public var inside: [UInt8]?
  public var frame: CaseFrame

  public init(
    identifier: String, role: CaseRole, extent: Extent, spacing: Spacing, channels: Int, image: [Float], label: [UInt8]?,
    inside: [UInt8]? = nil, frame: CaseFrame
  ) {
    (self.identifier, self.role, self.extent, self.spacing) = (identifier, role, extent, spacing)
    (self.channels, self.image, self.label, self.frame) = (channels, image, label, frame)
    self.inside = inside
  }

  /// The intensities [D, H, W] of one channel.
  public func channel(_ channel: Int) -> [Float] {
    channels == 1 ? image : stride(from: channel, to: image.count, by: channels).map { image[$0] }
  }

  /// What is wrong with the sizes of the arrays, or nil.
  var sizeComplaint: String? {
    if image.count != extent.count * channels {
      return "its image has \(image.count) values where \(extent) voxels of \(channels) channels need \(extent.count * channels)"
    }
    for (name, array) in [("label", label), ("object", inside)] {
      guard let array, array.count != extent.count else { continue }
      return "its \(name) has \(array.count) values where \(extent) needs \(extent.count)"
    }
    return nil
  }
}
