// Files that are either old or new and never half written, and that survive a power cut: temporary name, fsync, rename, fsync of the folder.

import Foundation

/// Replaces the file at `path` by `bytes` in one step.
public func writeDurably(_ bytes: [UInt8], to path: String) throws(FileError) {
  let temporary = path + ".tmp"
  try writeSynchronized(bytes, to: temporary)
  try moveDurably(temporary, to: path)
}

/// Renames within one file system and makes the new name durable. A folder moves only onto a free name.
public func moveDurably(_ source: String, to destination: String) throws(FileError) {
  guard rename(source, destination) == 0 else { throw FileError("rename \(source) to", destination) }
  try synchronize((destination as NSString).deletingLastPathComponent)
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
public func makeFolder(_ path: String) throws(FileError) {
  var parents: [String] = [], missing = path
  while !missing.isEmpty, !FileManager.default.fileExists(atPath: missing) {
    missing = (missing as NSString).deletingLastPathComponent
    parents.append(missing)
  }
  do {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  } catch {
    throw FileError("Cannot make the folder \(path): \(error.localizedDescription) Check the path and its permissions.")
  }
  for parent in parents { try synchronize(parent) }
}

/// Writes a file and forces it to the disk, under a name that nobody reads yet; what cannot be written whole is removed.
public func writeSynchronized(_ bytes: [UInt8], to path: String) throws(FileError) {
  let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, newFilePermissions)
  guard descriptor >= 0 else { throw FileError("create", path) }
  defer { _ = close(descriptor) }
  let failure: Int32? = bytes.withUnsafeBytes { buffer in
    var done = 0
    while done < buffer.count {
      let count = write(descriptor, buffer.baseAddress! + done, buffer.count - done)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return errno }
      done += count
    }
    return fsync(descriptor) == 0 ? nil : errno
  }
  if let failure {
    unlink(path)
    throw FileError("write", path, errno: failure)
  }
}
