// A file as memory: pages are read when they are touched and shared by all processes of a host that map the same file.
// Little-endian machines only, as all that Cohort runs on. A file that another program cuts off while it is mapped ends the
// process, as with any map.

import Foundation

/// A weight or tensor file could not be used.
public struct WeightError: Error, CustomStringConvertible, Sendable {
  public let description: String
  public init(_ description: String) { self.description = description }
}

/// A whole file, read-only, or what the program carries under that name.
final class MappedFile: Sendable {
  let path: String
  private let isEmbedded: Bool
  private let start: UInt
  let count: Int

  /// Errors: no such file, a folder, an empty file, anything that is not a plain file, no permission.
  init(_ path: String) throws(WeightError) {
    if let bytes = EmbeddedWeights(rawValue: path)?.bytes {
      (self.path, isEmbedded, start, count) = (path, true, UInt(bitPattern: bytes.baseAddress), bytes.count)
      return
    }
    var facts = stat()
    guard stat(path, &facts) == 0 else { throw Self.refused(path) }
    guard facts.st_mode & S_IFMT != S_IFDIR else { throw WeightError("\(path) is a folder: name a file of weights in it.") }
    guard facts.st_mode & S_IFMT == S_IFREG else { throw WeightError("\(path) is not a plain file: name a file of weights.") }
    guard facts.st_size > 0 else { throw WeightError("\(path) is empty: copy or download it again.") }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Self.refused(path) }
    defer { close(descriptor) }
    guard let found = mmap(nil, Int(facts.st_size), PROT_READ, MAP_SHARED, descriptor, 0), found != MAP_FAILED else {
      throw Self.refused(path)
    }
    (self.path, isEmbedded, start, count) = (path, false, UInt(bitPattern: found), Int(facts.st_size))
  }

  deinit { if !isEmbedded { munmap(UnsafeMutableRawPointer(bitPattern: start), count) } }

  /// Valid while the file lives.
  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: start), count: count) }

  private static func refused(_ path: String) -> WeightError {
    errno == ENOENT
      ? WeightError("there is no file \(path): check the path.")
      : WeightError("cannot read \(path) (\(String(cString: strerror(errno)))): check the path and its permissions.")
  }
}

/// Reads numbers and runs of bytes one after another, and never beyond the end.
struct ByteReader {
  let bytes: UnsafeRawBufferPointer
  var position: Int
  /// The error of reading on at the end.
  let exhausted: WeightError

  init(_ bytes: UnsafeRawBufferPointer, from position: Int = 0, or exhausted: WeightError) {
    (self.bytes, self.position, self.exhausted) = (bytes, position, exhausted)
  }

  mutating func take(_ count: Int) throws(WeightError) -> UnsafeRawBufferPointer {
    guard position >= 0, position <= bytes.count, count >= 0, count <= bytes.count - position else { throw exhausted }
    defer { position += count }
    return UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
  }

  mutating func integer<Number: FixedWidthInteger & BitwiseCopyable>(_ type: Number.Type) throws(WeightError) -> Number {
    Number(littleEndian: try take(MemoryLayout<Number>.size).loadUnaligned(as: type))
  }

  /// An unsigned number as an index; one that no index can be is as good as the end of the file.
  mutating func index<Number: UnsignedInteger & FixedWidthInteger & BitwiseCopyable>(_ type: Number.Type) throws(WeightError)
    -> Int
  {
    guard let index = Int(exactly: try integer(type)) else { throw exhausted }
    return index
  }

  mutating func text(_ count: Int) throws(WeightError) -> String { String(decoding: try take(count), as: UTF8.self) }
}
