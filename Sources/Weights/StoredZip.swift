// A zip archive that is being written, without compression, as PyTorch lays it out: every entry begins at a multiple of 64 bytes, so that it can be used
// where it lies, and no time of day is stored, so that the same content has the same bytes (APPNOTE 4.3, without the records of 64 bits).

import Files

/// The records of a zip archive, in the order of the file.
struct StoredZip {
  /// The most bytes of an archive: offsets have 32 bits.
  static let most = Int(UInt32.max) - 1
  private static let alignment = 64
  private static let localSignature = 0x0403_4B50, centralSignature = 0x0201_4B50, endSignature = 0x0605_4B50

  private var directory: [UInt8] = []
  private var count = 0
  private var position = 0

  /// The header of an entry, which its bytes follow.
  mutating func header(of name: String, _ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    let size = littleEndian(bytes.count, bytes: 4)
    // Version, flags, method (0: stored), time and date (1980-01-01).
    let common =
      littleEndian(20, bytes: 2) + littleEndian(0, bytes: 6) + littleEndian(0x21, bytes: 2)
      + littleEndian(Int(checksum(of: bytes)), bytes: 4) + size + size + littleEndian(name.utf8.count, bytes: 2)
    directory += littleEndian(Self.centralSignature, bytes: 4) + littleEndian(20, bytes: 2) + common
    directory += littleEndian(0, bytes: 12) + littleEndian(position, bytes: 4) + Array(name.utf8)
    let padding = padding(before: position + 30 + name.utf8.count)
    let header =
      littleEndian(Self.localSignature, bytes: 4) + common + littleEndian(padding.count, bytes: 2) + Array(name.utf8) + padding
    count += 1
    position += header.count + bytes.count
    return header
  }

  /// The table of contents, which ends the file.
  var end: [UInt8] {
    directory + littleEndian(Self.endSignature, bytes: 4) + littleEndian(0, bytes: 4) + littleEndian(count, bytes: 2)
      + littleEndian(count, bytes: 2) + littleEndian(directory.count, bytes: 4) + littleEndian(position, bytes: 4) + [0, 0]
  }

  /// An extra field of PyTorch's kind, "FB", that ends at a multiple of the alignment.
  private func padding(before start: Int) -> [UInt8] {
    let filling = (Self.alignment - (start + 4) % Self.alignment) % Self.alignment
    return Array("FB".utf8) + littleEndian(filling, bytes: 2) + [UInt8](repeating: UInt8(ascii: "Z"), count: filling)
  }
}

/// The lowest bytes of a number, the lowest first.
func littleEndian(_ value: Int, bytes: Int) -> [UInt8] { (0..<bytes).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
