// MetaImage (.mha, or .mhd with a file of voxels), as ITK and elastix write it. Format: https://itk.org/Wiki/ITK/MetaIO/Documentation. Coordinates are
// the patient's left, posterior, superior.

/// A MetaImage whose header has been read.
struct MetaImageFile: VolumeFile {
  let path: String
  let stored: StoredVoxels
  private let place: VoxelPlace

  static func isOne(_ head: [UInt8]) -> Bool {
    let text = String(decoding: head, as: UTF8.self)
    return ["ObjectType", "NDims"].contains { name in
      text.hasPrefix(name) && text.dropFirst(name.count).drop { $0 == " " }.first == "="
    }
  }

  /// Errors: no volume of three axes, a type or place of voxels that is not read.
  init(_ path: String) throws(VolumeError) {
    self.path = path
    // The name of the voxels' file is the last line; voxels follow at once.
    let header = try TextHeader(path, separator: "=") { $0 == "elementdatafile" }
    let dimensions = try header.dimensions("ndims", "dimsize"), type = try header.value("elementtype")
    guard let scalar = Self.scalars[type.uppercased()], header["elementnumberofchannels"].map({ $0 == "1" }) ?? true else {
      throw header.wrong("holds voxels of type \(type) that are no real scalars")
    }
    guard header["binarydata"]?.lowercased() != "false" else { throw header.wrong("holds its voxels as text") }
    let order = header["elementbyteordermsb", "binarydatabyteordermsb"]?.lowercased()
    stored = StoredVoxels(grid: try Self.grid(header, dimensions), scalar: scalar, isSwapped: order == "true")
    place = try Self.place(header)
  }

  var files: [String] { place.path == path ? [path] : [path, place.path] }
  func readVoxels() throws(VolumeError) -> [UInt8] { try readVoxels(at: place) }

  private static func grid(_ header: TextHeader, _ dimensions: [Int]) throws(VolumeError) -> FileGrid {
    func numbers(_ text: String?, _ name: String, or standard: [Double]) throws(VolumeError) -> [Double] {
      guard let text else { return standard }
      return try header.numbers(text, name, count: standard.count)
    }
    let sides = try numbers(header["elementspacing", "elementsize"], "ElementSpacing", or: [1, 1, 1])
    let origin = try numbers(header["offset", "position", "origin"], "Offset", or: [0, 0, 0])
    // A row is the direction of an axis of the image.
    let turn = try numbers(
      header["transformmatrix", "rotation", "orientation"], "TransformMatrix", or: [1, 0, 0, 0, 1, 0, 0, 0, 1])
    let directions = (0..<3).map { axis in turn[3 * axis..<3 * axis + 3].map { $0 * sides[axis] } }
    return try header.grid(dimensions, sides: sides, directions: directions, origin: origin)
  }

  private static func place(_ header: TextHeader) throws(VolumeError) -> VoxelPlace {
    let name = try header.value("elementdatafile"), isLocal = name.uppercased() == "LOCAL"
    guard !name.contains("%"), !name.uppercased().hasPrefix("LIST") else {
      throw header.wrong("has its voxels in several files (\(name.prefix(60)))")
    }
    let skipped = try header["headersize"].map { (_) throws(VolumeError) in try header.integers("headersize", count: 1)[0] } ?? 0
    guard skipped >= -1 else { throw header.wrong("has the HeaderSize \(skipped)") }
    return VoxelPlace(
      path: isLocal ? header.path : VoxelPlace.file(name, beside: header.path),
      offset: skipped < 0 ? nil : isLocal ? header.byteCount : skipped,
      isDeflated: header["compresseddata"]?.lowercased() == "true")
  }

  private static let scalars: [String: ScalarType] = [
    "MET_CHAR": .int8, "MET_UCHAR": .uint8, "MET_SHORT": .int16, "MET_USHORT": .uint16, "MET_INT": .int32, "MET_UINT": .uint32,
    "MET_LONG": .int32, "MET_ULONG": .uint32, "MET_LONG_LONG": .int64, "MET_ULONG_LONG": .uint64, "MET_FLOAT": .float32,
    "MET_DOUBLE": .float64,
  ]
}
