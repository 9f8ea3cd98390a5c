// A file of a volume, opened by what it holds and not by its name: NIfTI, NRRD or MetaImage. Its header has been read and checked; nothing is inflated
// or allocated beyond what that promises, and nothing that the memory does not hold.

import Files

/// How the voxels of a file are stored.
struct StoredVoxels {
  var grid: FileGrid
  let scalar: ScalarType
  /// Whether the file's byte order is not this machine's.
  let isSwapped: Bool
  /// value = slope * stored + intercept.
  var slope = 1.0, intercept = 0.0

  var byteCount: Int { grid.dimensions.reduce(scalar.byteCount, *) }
}

/// A file whose header has been read.
protocol VolumeFile {
  var path: String { get }
  var stored: StoredVoxels { get }
  /// The bytes of the voxels. Errors: a file that is shorter or more than a little longer than its header promises, damage, too little memory.
  func readVoxels() throws(VolumeError) -> [UInt8]
}

/// Opens a file. Errors: those of its header.
func openVolume(_ path: String) throws(VolumeError) -> any VolumeFile {
  let head = try TextHeader.beginning(of: path)
  if NRRDFile.isOne(head) { return try NRRDFile(path) }
  if MetaImageFile.isOne(head) { return try MetaImageFile(path) }
  return try NIfTIFile(path)
}

/// The files that hold the volume at `path`: itself, or a header and the voxels in a file of their own.
public func filesOfVolume(_ path: String) -> [String] {
  // A file that cannot be read is told when it is read for its voxels.
  if let head = try? TextHeader.beginning(of: path) {
    if NRRDFile.isOne(head) { return (try? NRRDFile(path).files) ?? [path] }
    if MetaImageFile.isOne(head) { return (try? MetaImageFile(path).files) ?? [path] }
  }
  return NIfTIFile.files(of: path)
}

extension VolumeFile {
  /// Stored voxels are turned into floats, and both exist at once.
  func requireMemory() throws(VolumeError) {
    let bytes = stored.byteCount + 4 * stored.grid.extent.count
    if let shortage = FreeMemory.shortage(of: bytes, for: "the volume of \(size)") {
      throw VolumeError("\(path) cannot be read, \(shortage): crop or resample it, or use a machine with more memory.")
    }
  }

  private var size: String { "\(stored.grid.dimensions.map(String.init).joined(separator: "x")) voxels of \(stored.scalar)" }

  func truncated() -> VolumeError {
    VolumeError("\(path) is truncated, its header promises \(size): copy or download it again.")
  }
}

/// More bytes than voxels, as some programs leave behind them.
let mostPadding = 8192
