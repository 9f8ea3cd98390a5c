// Plain files, the only ones that are read: opening a named pipe waits for its other end for ever, and a device has no end.

import Foundation

/// The size of a plain file in bytes. Errors: no such file, and whatever else a path can name: a folder, a pipe, a device, a socket.
public func fileSize(_ path: String) throws(FileError) -> Int {
  var facts = stat()
  guard stat(path, &facts) == 0 else { throw FileError("read", path) }
  return try plainSize(facts, path)
}

/// Opens a plain file for reading; whatever else a path can name is refused at once.
/// - Returns: the descriptor, which the caller closes, and the size in bytes.
public func openPlainFile(_ path: String) throws(FileError) -> (descriptor: Int32, bytes: Int) {
  _ = try fileSize(path)
  // Not waiting, and asked again of what was opened: the path may name a pipe by now.
  var descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
  // Somebody has a lease on it, as file servers do: the system takes it back while we wait.
  if descriptor < 0, errno == EWOULDBLOCK { descriptor = open(path, O_RDONLY | O_CLOEXEC) }
  guard descriptor >= 0 else { throw FileError("open", path) }
  do throws(FileError) {
    var facts = stat()
    guard fstat(descriptor, &facts) == 0 else { throw FileError("read", path) }
    return (descriptor, try plainSize(facts, path))
  } catch {
    close(descriptor)
    throw error
  }
}

/// The bytes of a whole plain file. A file of more than `limit` bytes is an error and is not read.
public func readAll(_ path: String, atMost limit: Int = .max) throws(FileError) -> [UInt8] {
  let bytes = try fileSize(path)
  guard bytes <= limit else {
    throw FileError("\(path) has \(bytes) bytes, which is more than the \(limit) that such a file can have. Check the path.")
  }
  return try readRange(of: path, from: 0, count: bytes)
}

/// The text of a whole plain file. A file of more than `limit` bytes, or one that is not UTF-8, is an error.
public func readText(_ path: String, atMost limit: Int = .max) throws(FileError) -> String {
  guard let text = String(validating: try readAll(path, atMost: limit), as: UTF8.self) else {
    throw FileError("\(path) is not a text in UTF-8. Check the path, or save the file as UTF-8.")
  }
  return text
}

/// `count` bytes of a plain file from byte `offset` on; fewer in the file is an error, found before memory is taken.
public func readRange(of path: String, from offset: Int, count: Int) throws(FileError) -> [UInt8] {
  var file = try ReadableFile(path)
  guard offset >= 0, count >= 0, offset <= file.bytes, count <= file.bytes - offset else {
    throw FileError(
      "\(path) has \(file.bytes) bytes, and \(count) from byte \(offset) on were asked for. It was cut off; make it again.")
  }
  var bytes = [UInt8](repeating: 0, count: count)
  try bytes.withUnsafeMutableBufferPointer { (buffer) throws(FileError) in
    try file.read(from: offset, into: UnsafeMutableRawBufferPointer(buffer))
  }
  return bytes
}

private func plainSize(_ facts: stat, _ path: String) throws(FileError) -> Int {
  let kind: String
  switch facts.st_mode & S_IFMT {
  case S_IFREG: return Int(facts.st_size)
  case S_IFDIR: kind = "folder"
  case S_IFIFO: kind = "named pipe"
  case S_IFSOCK: kind = "socket"
  default: kind = "device"
  }
  throw FileError("\(path) is a \(kind), not a file. Give the path of a file.")
}
