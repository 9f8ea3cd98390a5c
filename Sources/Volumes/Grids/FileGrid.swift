// How a file stored a volume: dimensions, what its header comes to, axis order, and the header's own numbers, so that predictions return to the
// exact grid of their input.

/// The voxel grid of a file in the file's own axis order (x fastest).
public struct FileGrid: Hashable, Sendable, Codable {
  /// Voxels along the file's first (fastest), second and third axis.
  public let dimensions: [Int]
  /// What is written back, in the unit of the file.
  public let header: GridHeader
  /// Voxel to RAS+ world, millimetres, row-major 4x4 (16 values): the transform of the header that counts (GridReading.swift).
  public let affine: [Double]
  /// The distance of neighbouring voxels along the file's axes, millimetres, positive.
  public let sides: [Double]
  /// The file axis (0, 1, 2) that each canonical axis (0 = D, 1 = H, 2 = W) comes from, and whether it runs backwards; in a grid that is `ordered`
  /// otherwise, that each axis of the array comes from.
  public let fileAxis: [Int]
  public let flipped: [Bool]

  /// The grid that a header describes. `path` names its file in errors.
  ///
  /// Errors: no transform that is regular, voxels of a size that no scan has.
  init(dimensions: [Int], header: GridHeader, path: String) throws(VolumeError) {
    let reading = GridReading(header, dimensions: dimensions)
    guard let affine = reading.affine else {
      throw VolumeError(
        "\(path) has an orientation matrix that is singular or not finite: set its sform or qform again (for instance with fslorient or nibabel)."
      )
    }
    self.init(dimensions: dimensions, header: header, affine: affine, sides: reading.sides)
    if let complaint = sizeComplaint { throw VolumeError("\(path) \(complaint)") }
  }

  /// A grid with the given transform, voxel to RAS+ world (millimetres, row-major, 12 or 16 values), which must be regular.
  public init(dimensions: [Int], affine: [Double]) {
    let rows = Array(affine[..<12]), sides = columnLengths(rows)
    self.init(
      dimensions: dimensions,
      header: GridHeader(pixdim: [1] + sides + [0, 0, 0, 0], sformCode: 1, sform: rows), affine: rows + [0, 0, 0, 1],
      sides: sides)
  }

  /// A grid in canonical RAS+ orientation with its first voxel at the world's origin.
  public init(canonical extent: Extent, spacing: Spacing) {
    let rows = [spacing.width, 0, 0, 0, 0, spacing.height, 0, 0, 0, 0, spacing.depth, 0]
    let sides = [spacing.width, spacing.height, spacing.depth]
    self.init(
      dimensions: [extent.width, extent.height, extent.depth],
      header: GridHeader(pixdim: [1] + sides + [0, 0, 0, 0], qformCode: 1, sformCode: 1, sform: rows),
      affine: rows + [0, 0, 0, 1], sides: sides)
  }

  private init(dimensions: [Int], header: GridHeader, affine: [Double], sides: [Double]) {
    (self.dimensions, self.header, self.affine, self.sides) = (dimensions, header, affine, sides)
    (fileAxis, flipped) = canonicalAxes(affine)
  }

  private init(_ grid: FileGrid, fileAxis: [Int], flipped: [Bool]) {
    (dimensions, header, affine, sides) = (grid.dimensions, grid.header, grid.affine, grid.sides)
    (self.fileAxis, self.flipped) = (fileAxis, flipped)
  }

  /// The file axes of D, H, W, and whether they run backwards, whatever the order of this grid.
  var canonicalOrder: (fileAxis: [Int], flipped: [Bool]) { canonicalAxes(affine) }

  /// The same grid with its axes in the order of `fileAxis`.
  func with(fileAxis: [Int]) -> FileGrid {
    let canonical = canonicalOrder
    return FileGrid(
      self, fileAxis: fileAxis, flipped: fileAxis.map { canonical.flipped[canonical.fileAxis.firstIndex(of: $0)!] })
  }

  /// Why no scan has voxels of this size, as a clause to be put after a file name; nil if they may be real.
  private var sizeComplaint: String? {
    let view = zip(sides, dimensions).map { $0 * Double($1) }.max()!
    let size = "voxels of \(spacing) and a field of view of \(inDigits(view / 1000)) m"
    guard sides.allSatisfy({ (0.000999...1000).contains($0) }), view <= 5000 else {
      return "has \(size), which no scan has; its header gives lengths in \(header.unitName): correct its unit or its voxel size."
    }
    return nil
  }
}
