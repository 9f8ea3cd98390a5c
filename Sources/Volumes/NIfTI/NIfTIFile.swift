// A NIfTI file, or a pair of header (.hdr) and voxels (.img), opened for reading.

/// A NIfTI file whose header has been read.
struct NIfTIFile: VolumeFile {
  let path: String
  private let header: NIfTIHeader
  private let reader: GzipReader
  /// Bytes of the header that were read from it.
  private let consumed: Int
  /// Which volume of a fourth axis is read.
  private let number: Int

  /// Opens a file; the .img of a pair is as good as its .hdr. Errors: those of the header; several volumes where none is chosen.
  /// - Parameter number: the volume of a fourth axis, from 0.
  init(_ path: String, volume number: Int? = nil) throws(VolumeError) {
    (self.path, self.number) = (path, number ?? 0)
    let headerPath = counterpart(of: path, ending: "img", with: "hdr") ?? path
    let reader = try GzipReader(headerPath)
    var bytes = [UInt8](repeating: 0, count: NIfTIHeader.size1)
    var count = try reader.read(into: &bytes)
    let size = bytes.withUnsafeBytes { $0.loadUnaligned(as: Int32.self) }
    if size == NIfTIHeader.size2 || size.byteSwapped == NIfTIHeader.size2 {
      bytes += [UInt8](repeating: 0, count: NIfTIHeader.size2 - NIfTIHeader.size1)
      count += try reader.read(into: &bytes, from: NIfTIHeader.size1)
    }
    header = try NIfTIHeader(Array(bytes[0..<count]), path: headerPath)
    (self.reader, consumed) = (reader, count)
    if number == nil, header.volumes > 1 {
      let text = (header.grid.dimensions + [header.volumes]).map(String.init).joined(separator: "x")
      throw VolumeError(
        "\(path) has \(text) voxels, a fourth axis of \(header.volumes): split it into one 3D file for each channel or time point (_0000, _0001, ...); `cohort import msd` does so for the Decathlon's folders."
      )
    }
  }

  var volumes: Int { header.volumes }

  var stored: StoredVoxels {
    StoredVoxels(
      grid: header.grid, scalar: header.scalar, isSwapped: header.isSwapped, slope: header.slope, intercept: header.intercept)
  }

  /// A pair without .img is an error as well.
  func readVoxels() throws(VolumeError) -> [UInt8] {
    guard header.isPair else { return try voxels(of: reader, after: consumed) }
    guard let voxelPath = counterpart(of: path, ending: "img", with: "img") ?? counterpart(of: path, ending: "hdr", with: "img")
    else {
      throw VolumeError("\(path) is a NIfTI header whose voxels are in a separate .img file: put that beside it.")
    }
    return try voxels(of: GzipReader(voxelPath), after: 0)
  }

  private func voxels(of reader: GzipReader, after consumed: Int) throws(VolumeError) -> [UInt8] {
    // A stream of deflate grows at most 1032-fold, so a header that promises more is refused before memory is asked for.
    let before = header.dataOffset + number * stored.byteCount, after = (header.volumes - number - 1) * stored.byteCount
    let gap = try reader.skip(before - consumed)
    guard (before + stored.byteCount + after) / (reader.isUncompressed ? 1 : 1032) <= reader.sizeOnDisk, gap == before - consumed
    else {
      throw truncated()
    }
    try requireMemory()
    var raw = [UInt8](repeating: 0, count: stored.byteCount)
    let found = try reader.read(into: &raw), rest = try reader.skip(after)
    // Some programs pad their files to a whole number of blocks.
    try reader.verifyEnd(limit: mostPadding)
    guard found == raw.count, rest == after else { throw truncated() }
    return raw
  }

  /// The file, or the header and the voxels of a pair.
  static func files(of path: String) -> [String] {
    let header = counterpart(of: path, ending: "img", with: "hdr") ?? path
    return [header] + (counterpart(of: header, ending: "hdr", with: "img").map { [$0] } ?? [])
  }
}

/// The file of the same name as `path` but with `other` in place of its `ending`, in the same or the other case, compressed or not; nil if `path` has
/// another ending or there is no such file.
private func counterpart(of path: String, ending: String, with other: String) -> String? {
  let isCompressed = path.lowercased().hasSuffix(".gz")
  let name = isCompressed ? String(path.dropLast(3)) : path
  guard name.lowercased().hasSuffix("." + ending) else { return nil }
  let stem = name.dropLast(ending.count)
  let candidates = [other, other.uppercased()].flatMap { ["\(stem)\($0)", "\(stem)\($0).gz", "\(stem)\($0).GZ"] }
  return candidates.first { (try? regularFileSize($0)) != nil }
}
