// NRRD, attached (.nrrd) or detached (.nhdr with a file of voxels), as 3D Slicer and ITK write it. Format:
// https://teem.sourceforge.net/nrrd/format.html. Coordinates without a known space count as ITK takes them: left, posterior, superior.

/// An NRRD file whose header has been read.
struct NRRDFile: VolumeFile {
  let path: String
  let stored: StoredVoxels
  private let place: VoxelPlace

  static func isOne(_ head: [UInt8]) -> Bool { head.starts(with: "NRRD000".utf8) }

  /// Errors: no volume of three axes, a type, encoding or place of voxels that is not read.
  init(_ path: String) throws(VolumeError) {
    self.path = path
    let header = try TextHeader(path, separator: ":") { $0 == nil }
    let dimensions = try header.dimensions("dimension", "sizes"), type = try header.value("type")
    guard let scalar = Self.scalar(type) else { throw header.wrong("holds voxels of type \(type), which is no real scalar") }
    stored = StoredVoxels(
      grid: try Self.grid(header, dimensions), scalar: scalar, isSwapped: header["endian"]?.lowercased() == "big")
    place = try Self.place(header)
  }

  var files: [String] { place.path == path ? [path] : [path, place.path] }
  func readVoxels() throws(VolumeError) -> [UInt8] { try readVoxels(at: place) }

  private static func grid(_ header: TextHeader, _ dimensions: [Int]) throws(VolumeError) -> FileGrid {
    let origin = try header["space origin"].map { (text) throws(VolumeError) in
      try header.numbers(text, "space origin", count: 3)
    }
    guard let text = header["space directions"] else {
      let sides = try header["spacings"].map { (text) throws(VolumeError) in try header.numbers(text, "spacings", count: 3) }
      return try header.grid(dimensions, sides: sides ?? [1, 1, 1], directions: nil, origin: origin ?? [0, 0, 0])
    }
    let numbers = try header.numbers(text, "space directions", count: 9), signs = signs(header["space"] ?? "")
    func turned(_ vector: [Double]) -> [Double] { zip(vector, signs).map { $0 * $1 } }
    return try header.grid(
      dimensions, sides: [], directions: [0, 3, 6].map { turned(Array(numbers[$0..<$0 + 3])) },
      origin: turned(origin ?? [0, 0, 0]))
  }

  /// Factors that turn coordinates of a space into left, posterior, superior.
  private static func signs(_ space: String) -> [Double] {
    let space = space.lowercased()
    if space == "ras" || space.hasPrefix("right-anterior-superior") { return [-1, -1, 1] }
    if space == "las" || space.hasPrefix("left-anterior-superior") { return [1, -1, 1] }
    return [1, 1, 1]
  }

  private static func place(_ header: TextHeader) throws(VolumeError) -> VoxelPlace {
    let encoding = try header.value("encoding").lowercased(), name = header["data file", "datafile"]
    guard ["raw", "gzip", "gz"].contains(encoding) else {
      throw header.wrong("has the encoding \(encoding), and raw and gzip are read")
    }
    if let name, name.contains("%") || name.uppercased().hasPrefix("LIST") {
      throw header.wrong("has its voxels in several files (\(name.prefix(60)))")
    }
    let skip = ["byte skip", "byteskip"].first { header[$0] != nil }
    let skipped = try skip.map { (name) throws(VolumeError) in try header.integers(name, count: 1)[0] } ?? 0
    guard header["line skip", "lineskip"].map({ $0 == "0" }) ?? true, skipped >= -1 else {
      throw header.wrong("begins its voxels after lines that are to be passed over")
    }
    let start = name == nil ? header.byteCount : 0
    return VoxelPlace(
      path: name.map { VoxelPlace.file($0, beside: header.path) } ?? header.path, offset: skipped < 0 ? nil : start + skipped,
      isDeflated: encoding != "raw")
  }

  private static func scalar(_ type: String) -> ScalarType? {
    let words = type.lowercased().split(whereSeparator: \.isWhitespace).map(String.init)
    let isUnsigned = words.first == "unsigned"
    let name = words.filter { $0 != "signed" && $0 != "unsigned" }.joined(separator: " ")
    switch name {
    case "char" where isUnsigned, "uchar", "uint8", "uint8_t": return .uint8
    case "char", "int8", "int8_t": return .int8
    case "short" where isUnsigned, "short int" where isUnsigned, "ushort", "uint16", "uint16_t": return .uint16
    case "short", "short int", "int16", "int16_t": return .int16
    case "int" where isUnsigned, "uint", "uint32", "uint32_t": return .uint32
    case "int", "int32", "int32_t": return .int32
    case "long long" where isUnsigned, "long long int" where isUnsigned, "ulonglong", "uint64", "uint64_t": return .uint64
    case "long long", "long long int", "longlong", "int64", "int64_t": return .int64
    case "float": return .float32
    case "double": return .float64
    default: return nil
    }
  }
}
