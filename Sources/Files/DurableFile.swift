// Files that are either old or new and never half written, and that survive a power cut: temporary name, fsync, rename, fsync of the folder.

import Foundation

/// Replaces the file at `path` by `bytes` in one step.
public func writeDurably(_ bytes: [UInt8], to path: String) throws(FileError) {
  let temporary = path + ".tmp"
  try writeSynchronized(bytes, to: temporary)
  try moveDurably(temporary, to: path)
}

/// Replaces the file at `path` in one step by what `fill` writes to a descriptor, for files too large to be held twice. Whatever fails leaves nothing.
/// - Parameter fill: also gets the name that the file has meanwhile, for errors.
public func writeDurably(to path: String, _ fill: (Int32, String) throws -> Void) throws {
  let temporary = path + ".tmp"
  do {
    let descriptor = try createFile(temporary)
    defer { _ = close(descriptor) }
    try fill(descriptor, temporary)
    try synchronize(temporary)
    try moveDurably(temporary, to: path)
  } catch {
    unlink(temporary)
    throw error
  }
}

/// Renames within one file system and makes the new name durable. A folder moves only onto a free name.
public func moveDurably(_ source: String, to destination: String) throws(FileError) {
  guard rename(source, destination) == 0 else { throw FileError("rename \(source) to", destination) }
  try synchronize(parentFolder(of: destination))
}

/// Forces a file or a folder to the disk.
public func synchronize(_ path: String) throws(FileError) {
  let descriptor = open(path.isEmpty ? "." : path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { throw FileError("open", path) }
  defer { _ = close(descriptor) }
  // Some network file systems cannot sync folders and return EINVAL: their servers do it themselves.
  guard fsync(descriptor) == 0 || errno == EINVAL else { throw FileError("write to disk", path) }
}

/// Asks the system to begin moving bytes of a file to the disk and does not wait, so that a later `synchronize` finds little left to do. A hint:
/// Linux answers "not needed soon" by starting to write what is only in memory.
public func beginSynchronizing(_ path: String, _ range: Range<Int>) {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { return }
  posix_fadvise(descriptor, range.lowerBound, range.count, POSIX_FADV_DONTNEED)
  close(descriptor)
}

/// Makes a folder and those above it, and makes their names durable.
public func makeFolder(_ path: String) throws(FileError) { _ = try makeMissingFolders(path) }

/// Makes a folder and those above it, and makes their names durable.
/// - Returns: the folders that were missing, the outermost first.
public func makeMissingFolders(_ path: String) throws(FileError) -> [String] {
  var missing: [String] = [], place = path
  while !place.isEmpty, !FileManager.default.fileExists(atPath: place) {
    missing.insert(place, at: 0)
    place = parentFolder(of: place)
  }
  do {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  } catch {
    throw FileError("Cannot make the folder \(path): \(error.localizedDescription) Check the path and its permissions.")
  }
  for folder in missing { try synchronize(parentFolder(of: folder)) }
  return missing
}

/// Writes a file and forces it to the disk, under a name that nobody reads yet; what cannot be written whole is removed.
public func writeSynchronized(_ bytes: [UInt8], to path: String) throws(FileError) {
  let descriptor = try createFile(path)
  defer { _ = close(descriptor) }
  do throws(FileError) {
    try writeAll(bytes, to: descriptor, path)
    guard fsync(descriptor) == 0 else { throw FileError("write", path) }
  } catch {
    unlink(path)
    throw error
  }
}

/// Writes all bytes to an open file, which `path` names in errors.
public func writeAll(_ bytes: [UInt8], to descriptor: Int32, _ path: String) throws(FileError) {
  let failure: Int32? = bytes.withUnsafeBytes { buffer in
    var done = 0
    while done < buffer.count {
      let count = write(descriptor, buffer.baseAddress! + done, buffer.count - done)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return errno }
      done += count
    }
    return nil
  }
  if let failure { throw FileError("write", path, errno: failure) }
}

/// Makes an empty file in place of what has the name; a link of that name goes, and what it leads to stays as it is.
/// - Returns: its descriptor, for writing, which the caller closes.
public func createFile(_ path: String) throws(FileError) -> Int32 {
  unlink(path)
  let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, newFilePermissions)
  guard descriptor >= 0 else { throw FileError("create", path) }
  return descriptor
}

/// Opens a file to add to its end, and makes it where it is missing. A link, and whatever is no plain file, is an error.
/// - Returns: its descriptor, which the caller closes.
public func openForAppending(_ path: String) throws(FileError) -> Int32 {
  let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, newFilePermissions)
  guard descriptor >= 0 else { throw FileError("open", path) }
  var facts = stat()
  guard fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
    close(descriptor)
    throw FileError("\(path) is not a plain file. Move it away.")
  }
  return descriptor
}
