// A file held open for reading run after run, with the system advised of what comes next while the caller works on what it has.

import Foundation

public struct ReadableFile: ~Copyable {
  private let descriptor: Int32
  private let path: String
  /// The size when it was opened.
  public let bytes: Int
  /// What the disk was asked for last, and how much it is asked for at once, in bytes.
  private var expected = 0..<0
  private static let aheadBytes = 16 << 20
  /// Asks on a thread of its own: the system takes memory for what was asked for before it answers.
  private let asking = DispatchQueue(label: "read ahead")

  /// Errors: what is not a plain file, or cannot be opened.
  public init(_ path: String) throws(FileError) {
    (descriptor, bytes) = try openPlainFile(path)
    self.path = path
  }

  /// Fills `buffer` from byte `offset` on; fewer in the file is an error.
  public mutating func read(from offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(FileError) {
    if !expected.contains(offset + Self.aheadBytes / 2) {
      expected = offset..<offset + buffer.count + Self.aheadBytes
      asking.async { [descriptor, expected] in
        _ = posix_fadvise(descriptor, expected.lowerBound, expected.count, POSIX_FADV_WILLNEED)
      }
    }
    var done = 0
    while done < buffer.count {
      let count = pread(descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(offset + done))
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw FileError("read", path) }
      guard count > 0 else {
        throw FileError(
          "\(path) ends after \(offset + done) bytes, \(buffer.count - done) too early. It was cut off; make it again.")
      }
      done += count
    }
  }

  deinit {
    asking.sync {}
    close(descriptor)
  }
}
