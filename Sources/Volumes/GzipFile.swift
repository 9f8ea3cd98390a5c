// Reading and writing files that may be gzip streams, by zlib. Reading goes by content: a file without the gzip magic 1f 8b is read as it is.
// Every short read is an error, and a file appears under its name only when it is complete.

import CZlib
import Foundation

/// The size of a regular file in bytes; a missing path, a folder, a pipe, a device or an unreadable file is an error.
func regularFileSize(_ path: String) throws(VolumeError) -> Int {
  var information = stat()
  guard stat(path, &information) == 0 else {
    if errno == ENOENT || errno == ENOTDIR { throw VolumeError("\(path) does not exist: check the path.") }
    throw VolumeError("\(path) cannot be looked at (\(String(cString: strerror(errno)))): check the permissions of its folders.")
  }
  guard information.st_mode & S_IFMT != S_IFDIR else { throw VolumeError("\(path) is a folder: name a file in it.") }
  guard information.st_mode & S_IFMT == S_IFREG else {
    throw VolumeError("\(path) is a pipe, a socket or a device: name a regular file.")
  }
  guard access(path, R_OK) == 0 else { throw VolumeError("\(path) may not be read: change its permissions.") }
  return Int(information.st_size)
}

/// A file opened for reading, gzip or not.
final class GzipReader {
  private let stream: gzFile
  private let path: String
  /// Bytes of the file on disk, an upper bound of its content when it is not compressed.
  let sizeOnDisk: Int

  init(_ path: String) throws(VolumeError) {
    self.path = path
    sizeOnDisk = try regularFileSize(path)
    guard let stream = gzopen(path, "rb") else {
      throw VolumeError("\(path) cannot be opened (\(String(cString: strerror(errno)))): check its permissions.")
    }
    gzbuffer(stream, 1 << 18)
    self.stream = stream
  }

  deinit { gzclose(stream) }

  /// Whether the file is not a gzip stream; known after the first read.
  var isUncompressed: Bool { gzdirect(stream) == 1 }

  /// Fills `bytes[start...]` with what comes next and returns how many bytes there were; fewer than asked for only at the end of the file.
  func read(into bytes: inout [UInt8], from start: Int = 0) throws(VolumeError) -> Int {
    try bytes.withUnsafeMutableBufferPointer { (buffer) throws(VolumeError) in
      var filled = start
      while filled < buffer.count {
        let count = gzread(stream, buffer.baseAddress! + filled, UInt32(min(buffer.count - filled, 1 << 28)))
        if count < 0 { throw damaged() }
        if count == 0 { break }
        filled += Int(count)
      }
      return filled - start
    }
  }

  /// Passes over `count` bytes and returns how many there were.
  func skip(_ count: Int) throws(VolumeError) -> Int {
    var (rest, passed) = ([UInt8](repeating: 0, count: min(count, 1 << 16)), 0)
    while passed < count {
      if count - passed < rest.count { rest.removeLast(rest.count - (count - passed)) }
      let found = try read(into: &rest)
      passed += found
      if found < rest.count { break }
    }
    return passed
  }

  /// Reads what is left, which checks the checksum of a compressed stream and finds one that breaks off; more than `limit` bytes are an error, and
  /// no more of them is inflated.
  func verifyEnd(limit: Int) throws(VolumeError) {
    guard try skip(limit + 1) <= limit else {
      throw VolumeError(
        "\(path) has more than \(limit) bytes beyond what its header promises, so they do not belong together: copy or convert it again."
      )
    }
    var code: Int32 = 0
    _ = gzerror(stream, &code)
    if code != Z_OK { throw damaged() }
  }

  private func damaged() -> VolumeError {
    var code: Int32 = 0
    let text = gzerror(stream, &code).map { String(cString: $0) } ?? ""
    let cause =
      code == Z_BUF_ERROR ? "its gzip stream breaks off" : code == Z_ERRNO ? "it cannot be read" : "its gzip stream is damaged"
    return VolumeError("\(path) is damaged, \(cause) (\(text)): copy or download it again.")
  }
}

/// Writes `parts` one after the other to `path`, compressed when the name ends in .gz; the same bytes in give the same bytes out.
///
/// The file is written under a temporary name beside its place and renamed, so that a reader never meets half a file.
func writeFile(_ parts: [UnsafeRawBufferPointer], to path: String) throws(VolumeError) {
  let temporary = "\(path).partial-\(getpid())"
  do throws(VolumeError) {
    try writeStream(parts, to: temporary, compressed: path.lowercased().hasSuffix(".gz"))
    guard rename(temporary, path) == 0 else { throw unwritable(path) }
  } catch {
    unlink(temporary)
    throw VolumeError(error.description.replacingOccurrences(of: temporary, with: path))
  }
}

private func writeStream(_ parts: [UnsafeRawBufferPointer], to path: String, compressed: Bool) throws(VolumeError) {
  // "T" writes without compression. zlib's gzip header carries no name and time 0.
  guard let stream = gzopen(path, compressed ? "wb6" : "wbT") else { throw unwritable(path) }
  gzbuffer(stream, 1 << 18)
  for part in parts {
    var written = 0
    while written < part.count {
      let count = gzwrite(stream, part.baseAddress! + written, UInt32(min(part.count - written, 1 << 28)))
      guard count > 0 else {
        let failure = unwritable(path)
        gzclose(stream)
        throw failure
      }
      written += Int(count)
    }
  }
  guard gzclose(stream) == Z_OK else { throw unwritable(path) }
}

private func unwritable(_ path: String) -> VolumeError {
  VolumeError(
    "\(path) cannot be written (\(String(cString: strerror(errno)))): make sure that its folder exists, may be written to and has space left."
  )
}
