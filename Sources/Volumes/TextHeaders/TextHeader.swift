// What NRRD and MetaImage have in common: a header of lines of text, then the voxels in the same file or in another one, deflated or not.

import CZlib
import Foundation

/// Lines of a header, and where they end.
struct TextHeader {
  let path: String
  /// Names in lower case without blanks at their ends, with their values.
  private(set) var fields: [String: String] = [:]
  /// Bytes of the header.
  private(set) var byteCount = 0

  /// Longer headers are no headers.
  private static let most = 1 << 20

  /// The first bytes of a file, 64 at most. Errors: no regular file.
  static func beginning(of path: String) throws(VolumeError) -> [UInt8] { try readBytes(of: path, from: 0, count: 64) }

  /// Reads lines up to one at which `isLast`, which belongs to the header, or up to the end of the file.
  /// - Parameters:
  ///   - separators: what stands between name and value.
  ///   - isLast: gets a line's name, nil for an empty line.
  /// Errors: a file that cannot be read; lines that never end; a name that stands twice.
  init(_ path: String, separator: Character, isLast: (String?) -> Bool) throws(VolumeError) {
    self.path = path
    let bytes = try readBytes(of: path, from: 0, count: Self.most)
    while byteCount < bytes.count {
      let end = bytes[byteCount...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
      let line = String(decoding: bytes[byteCount..<end], as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
      byteCount = min(end + 1, bytes.count)
      let parts = line.split(separator: separator, maxSplits: 1, omittingEmptySubsequences: false).map {
        $0.trimmingCharacters(in: .whitespaces)
      }
      let name = line.isEmpty ? nil : parts[0].lowercased()
      if let name, parts.count == 2, !name.hasPrefix("#") {
        guard fields.updateValue(parts[1], forKey: name) == nil else { throw wrong("gives \(parts[0]) twice") }
      }
      if isLast(name) { return }
    }
    guard bytes.count < Self.most else { throw wrong("has a header that never ends") }
  }

  func wrong(_ what: String) -> VolumeError { VolumeError("\(path) \(what): convert it to .nii.gz, or write it again.") }

  /// The first of the names that there is.
  subscript(names: String...) -> String? { names.lazy.compactMap { fields[$0] }.first }

  func value(_ name: String) throws(VolumeError) -> String {
    guard let value = fields[name] else { throw wrong("has no \(name) in its header") }
    return value
  }

  /// Whole numbers with blanks between them.
  func integers(_ name: String, count: Int) throws(VolumeError) -> [Int] {
    let words = try value(name).split(whereSeparator: \.isWhitespace), numbers = words.compactMap { Int($0) }
    guard numbers.count == count, words.count == count else {
      throw wrong("gives \(name) as \(words.joined(separator: " ").prefix(100)), and \(count) whole numbers are needed")
    }
    return numbers
  }

  /// Numbers in a text, which must be so many finite ones.
  func numbers(_ text: String, _ name: String, count: Int) throws(VolumeError) -> [Double] {
    let words = text.split { $0.isWhitespace || "(),".contains($0) }, numbers = words.compactMap { Double($0) }
    guard numbers.count == count, words.count == count, numbers.allSatisfy(\.isFinite) else {
      throw wrong("gives \(name) as \(text.prefix(100)), and \(count) finite numbers are needed")
    }
    return numbers
  }

  /// Voxels along three axes. Error: other numbers of axes, or more than any file holds.
  func dimensions(_ rankName: String, _ sizesName: String) throws(VolumeError) -> [Int] {
    let rank = try integers(rankName, count: 1)[0]
    guard rank == 3 else {
      throw wrong("has \(rank) axes (\(fields[sizesName] ?? "")), and 3 are needed, a file for each channel or time point")
    }
    let sizes = try integers(sizesName, count: 3)
    guard sizes.allSatisfy({ (1...1 << 31).contains($0) }), sizes.map(Double.init).reduce(1, *) <= Double(1 << 40) else {
      throw wrong("has a damaged header, its sizes are \(sizes)")
    }
    return sizes
  }

  /// The grid whose axes step along `directions` (of unit or any length, in the patient's left, posterior, superior, millimetres) from `origin`.
  /// - Parameter directions: nil where the header tells none, which is warned of as with NIfTI.
  func grid(
    _ dimensions: [Int], sides: [Double], directions: [[Double]]?, origin: [Double]
  ) throws(VolumeError) -> FileGrid {
    guard let directions else {
      return try FileGrid(dimensions: dimensions, header: GridHeader(pixdim: [1] + sides + [0, 0, 0, 0]), path: path)
    }
    let rows = (0..<3).flatMap { row -> [Double] in
      let sign = row < 2 ? -1.0 : 1
      return (directions.map { $0[row] } + [origin[row]]).map { sign * $0 }
    }
    let lengths = columnLengths(rows)
    return try FileGrid(
      dimensions: dimensions, header: GridHeader(pixdim: [1] + lengths + [0, 0, 0, 0], sformCode: 1, sform: rows), path: path)
  }
}

/// Where the voxels of a file with a text header lie.
struct VoxelPlace {
  /// The file that holds them.
  let path: String
  /// Bytes before them; nil for as many as leave the voxels at the end of the file.
  let offset: Int?
  let isDeflated: Bool

  /// - Parameter name: of the file, beside the header or absolute.
  static func file(_ name: String, beside header: String) -> String {
    name.hasPrefix("/") ? name : (header as NSString).deletingLastPathComponent + (header.contains("/") ? "/" : "") + name
  }
}

extension VolumeFile {
  /// Reads the voxels at a place.
  func readVoxels(at place: VoxelPlace) throws(VolumeError) -> [UInt8] {
    let count = stored.byteCount, size = try regularFileSize(place.path), offset = place.offset ?? size - count
    // A stream of deflate grows at most 1032-fold.
    guard offset >= 0, offset <= size, count / (place.isDeflated ? 1032 : 1) <= size - offset else { throw truncated() }
    try requireMemory()
    guard place.isDeflated else {
      guard size - offset - count <= mostPadding else { throw tooLong() }
      return try readBytes(of: place.path, from: offset, count: count)
    }
    return try inflated(try readBytes(of: place.path, from: offset, count: size - offset), count: count)
  }

  /// The content of a stream of gzip or zlib.
  private func inflated(_ source: [UInt8], count: Int) throws(VolumeError) -> [UInt8] {
    var stream = z_stream()
    // 15 bits of window, and either of both headers.
    guard inflateInit2_(&stream, 15 + 32, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else { throw truncated() }
    defer { inflateEnd(&stream) }
    var result = [UInt8](repeating: 0, count: count), input = source, code = Z_OK
    var (taken, filled) = (0, 0)
    input.withUnsafeMutableBufferPointer { input in
      result.withUnsafeMutableBufferPointer { result in
        while code == Z_OK {
          let (given, room) = (min(input.count - taken, 1 << 28), min(result.count - filled, 1 << 28))
          stream.next_in = input.baseAddress! + taken
          stream.next_out = result.baseAddress! + filled
          (stream.avail_in, stream.avail_out) = (UInt32(given), UInt32(room))
          code = inflate(&stream, Z_NO_FLUSH)
          taken += given - Int(stream.avail_in)
          filled += room - Int(stream.avail_out)
        }
      }
    }
    guard code == Z_STREAM_END || code == Z_BUF_ERROR else {
      throw VolumeError("\(path) is damaged, its compressed voxels cannot be unpacked: copy or download it again.")
    }
    guard filled == count else { throw truncated() }
    guard code == Z_STREAM_END else { throw tooLong() }
    return result
  }

  private func tooLong() -> VolumeError {
    VolumeError(
      "\(path) has more bytes than its header promises, so they do not belong together: copy or convert it again.")
  }
}

/// As many bytes of a file as there are from `offset` on, `count` at most. Errors: no regular file; it cannot be read.
private func readBytes(of path: String, from offset: Int, count: Int) throws(VolumeError) -> [UInt8] {
  let size = try regularFileSize(path), wanted = max(0, min(count, size - offset))
  guard let file = fopen(path, "rb") else {
    throw VolumeError("\(path) cannot be opened (\(String(cString: strerror(errno)))): check its permissions.")
  }
  defer { fclose(file) }
  var bytes = [UInt8](repeating: 0, count: wanted)
  guard fseek(file, offset, SEEK_SET) == 0, fread(&bytes, 1, wanted, file) == wanted else {
    throw VolumeError("\(path) cannot be read to its end: copy or download it again.")
  }
  return bytes
}
