// How a file stored a volume: dimensions, affines and axis order, kept verbatim so that predictions return to the exact grid of their input.

/// The voxel grid of a file in the file's own axis order (x fastest).
public struct FileGrid: Hashable, Sendable, Codable {
  /// Voxels along the file's first (fastest), second and third axis.
  public var dimensions: [Int]
  /// Spacing along the file's axes as stored, millimetres; `quaternionSign` is NIfTI's qfac.
  public var pixelDimensions: [Double]
  public var quaternionSign: Double
  public var sformCode: Int
  public var qformCode: Int
  /// Voxel to RAS+ world, millimetres, row-major 4x4 (16 values).
  public var sform: [Double]
  public var qform: [Double]
  /// The file axis (0, 1, 2) that each canonical axis (0 = D, 1 = H, 2 = W) comes from, and whether it runs backwards.
  public var fileAxis: [Int]
  public var flipped: [Bool]

  public init(
    dimensions: [Int], pixelDimensions: [Double], quaternionSign: Double = 1, sformCode: Int, qformCode: Int, sform: [Double],
    qform: [Double], fileAxis: [Int], flipped: [Bool]
  ) {
    self.dimensions = dimensions
    self.pixelDimensions = pixelDimensions
    self.quaternionSign = quaternionSign
    self.sformCode = sformCode
    self.qformCode = qformCode
    self.sform = sform
    self.qform = qform
    self.fileAxis = fileAxis
    self.flipped = flipped
  }

  /// A grid in canonical RAS+ orientation with its first voxel at the world's origin.
  public init(canonical extent: Extent, spacing: Spacing) {
    let affine = [spacing.width, 0, 0, 0, 0, spacing.height, 0, 0, 0, 0, spacing.depth, 0, 0, 0, 0, 1]
    self.init(
      dimensions: [extent.width, extent.height, extent.depth],
      pixelDimensions: [spacing.width, spacing.height, spacing.depth], sformCode: 1, qformCode: 1, sform: affine, qform: affine,
      fileAxis: [2, 1, 0], flipped: [false, false, false])
  }
}
