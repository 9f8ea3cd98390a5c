// Files of records, as TensorFlow frames them and TensorBoard reads them (tensorflow.org, "TFRecord and tf.train.Example"): the length of a record in
// eight bytes and their masked CRC-32C, then the record and its own.

import Foundation

/// Appends records. A full disk loses records, never the run: the file stays one of whole records.
public final class RecordFile {
  private let descriptor: Int32
  private var bytes = 0

  /// Makes an empty file in place of what has the name.
  public init(_ path: String) throws(FileError) { descriptor = try createFile(path) }

  deinit { close(descriptor) }

  /// Adds a record in one write.
  public func append(_ record: [UInt8]) {
    let frame = Self.frame(record), count = write(descriptor, frame, frame.count)
    if count == frame.count { bytes += count } else if count > 0 { ftruncate(descriptor, off_t(bytes)) }
  }

  /// Forces what was added to the disk.
  public func synchronize() { fsync(descriptor) }

  /// A record with what stands around it.
  public static func frame(_ record: [UInt8]) -> [UInt8] {
    let length = littleEndian(UInt64(record.count))
    return length + littleEndian(maskedChecksum(of: length)) + record + littleEndian(maskedChecksum(of: record))
  }

  /// Cuts a file off before the first record that is not wanted, or that is not whole.
  /// - Parameter isWanted: gets the first 32 bytes of a record, or all of a shorter one.
  public static func cut(_ path: String, where isWanted: (ArraySlice<UInt8>) -> Bool) throws(FileError) {
    var file = try ReadableFile(path), kept = 0
    while file.bytes - kept >= headBytes + tailBytes {
      var head = [UInt8](repeating: 0, count: min(headBytes + 32, file.bytes - kept))
      try head.withUnsafeMutableBufferPointer { (buffer) throws(FileError) in
        try file.read(from: kept, into: UnsafeMutableRawBufferPointer(buffer))
      }
      let length = head[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      guard littleEndian(maskedChecksum(of: Array(head[..<8]))) == Array(head[8..<headBytes]),
        length <= UInt64(file.bytes - kept - headBytes - tailBytes), isWanted(head[headBytes...].prefix(Int(length)))
      else { break }
      kept += headBytes + Int(length) + tailBytes
    }
    if kept < file.bytes, truncate(path, off_t(kept)) != 0 { throw FileError("cut off", path) }
  }

  private static let headBytes = 12, tailBytes = 4

  private static func maskedChecksum(of bytes: [UInt8]) -> UInt32 {
    let crc = crc32c(of: bytes)
    return (crc >> 15 | crc << 17) &+ 0xA282_EAD8
  }

  private static func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }
}
