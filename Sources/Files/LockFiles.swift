// How a lock is taken: the system's lock on the file, where there is one that other hosts see, and then a claim of the next number.

import Foundation

/// The open files of a lock that was taken.
struct LockFiles {
  let lock: Int32
  let claim: Int32
  let number: Int
  let holder: LockHolder

  /// The path of a claim.
  static func claim(_ number: Int, of path: String) -> String { "\(path).\(number)" }

  static func take(_ path: String, _ wait: inout LockWait, _ tell: (String) -> Void) throws(FileError) -> LockFiles {
    while true {
      let lock = try openLock(path)
      do throws(FileError) {
        if let files = try take(lock, path, &wait, tell) { return files }
      } catch {
        close(lock)
        throw error
      }
      close(lock)
    }
  }

  /// Tries once.
  /// - Returns: nil to try again.
  private static func take(_ lock: Int32, _ path: String, _ wait: inout LockWait, _ tell: (String) -> Void) throws(FileError)
    -> LockFiles?
  {
    let hasSystemLock = try systemLock(lock, path), newest = LockClaim.newest(of: path)
    guard let hasSystemLock else {
      _ = try wait.pause(newest, mayTakeOver: false, tell)
      return nil
    }
    // Whoever had the system's lock has it no more, and is dead. Of others the signs of life decide.
    if let newest, !hasSystemLock || newest.holder?.hasSystemLock != true {
      guard try wait.pause(newest, mayTakeOver: true, tell) else { return nil }
    }
    // Removed since it was opened, the file would keep nobody away.
    guard isFile(lock, at: path) == true else { return nil }
    return try makeClaim(after: newest, lock, hasSystemLock: hasSystemLock, of: path)
  }

  private static func openLock(_ path: String) throws(FileError) -> Int32 {
    func foreign() -> FileError { FileError("\(path) is no lock that Cohort has made. Move it away, or choose another folder.") }
    let lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, newFilePermissions)
    guard lock >= 0 else { throw errno == ELOOP ? foreign() : FileError("open", path) }
    var facts = stat()
    let text = contents(of: lock)
    guard fstat(lock, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG, FileLock.isOwn(text) else {
      close(lock)
      throw foreign()
    }
    return lock
  }

  /// Takes the system's lock.
  /// - Returns: whether it was taken and other hosts see it; nil if another process holds it.
  private static func systemLock(_ lock: Int32, _ path: String) throws(FileError) -> Bool? {
    while flock(lock, LOCK_EX | LOCK_NB) != 0 {
      switch errno {
      case EINTR: continue
      case EWOULDBLOCK: return nil
      case ENOLCK, ENOSYS, EOPNOTSUPP, EINVAL: return false
      default: throw FileError("lock", path)
      }
    }
    return !locksAreLocal(path)
  }

  /// Makes the claim that takes the place of `old`.
  /// - Returns: nil if another process was faster.
  private static func makeClaim(
    after old: LockClaim?, _ lock: Int32, hasSystemLock: Bool, of path: String
  ) throws(FileError) -> LockFiles? {
    let number = (old?.number ?? 0) + 1, own = claim(number, of: path), holder = LockHolder(hasSystemLock: hasSystemLock)
    let claim = open(own, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, newFilePermissions)
    guard claim >= 0 else {
      if errno == EEXIST { return nil }
      throw FileError("create", own)
    }
    do throws(FileError) {
      guard overwrite(claim, with: holder.text(beat: 0)), fdatasync(claim) == 0 else { throw FileError("write", own) }
      // What was judged may be long past: the old claim must still be there, and no newer one.
      let isLate = old.map { access($0.path, F_OK) != 0 } ?? false
      if !isLate, LockClaim.newest(of: path)?.number == number {
        if let old, old.isOfCohort { unlink(old.path) }
        ftruncate(lock, 0)
        overwrite(lock, with: holder.title + "\n")
        return LockFiles(lock: lock, claim: claim, number: number, holder: holder)
      }
    } catch {
      unlink(own)
      close(claim)
      throw error
    }
    unlink(own)
    close(claim)
    return nil
  }
}

/// A claim as it was read.
struct LockClaim {
  let number: Int
  let path: String
  let text: String
  let holder: LockHolder?

  /// The claim of the highest number; nil where there is none, or it is gone by now.
  static func newest(of path: String) -> LockClaim? {
    let path = path.contains("/") ? path : "./" + path
    let folder = parentFolder(of: path), name = lastName(of: path) + "."
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    let numbers = names.filter { $0.hasPrefix(name) }.compactMap { UInt32($0.dropFirst(name.count)) }
    return numbers.max().flatMap { LockClaim(Int($0), of: path) }
  }

  private init?(_ number: Int, of path: String) {
    self.path = LockFiles.claim(number, of: path)
    let descriptor = open(self.path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    (self.number, text) = (number, contents(of: descriptor))
    holder = LockHolder(text: text)
  }

  /// Whether Cohort made it; a claim may be empty, or zeros after a power cut.
  var isOfCohort: Bool { holder != nil || text.utf8.allSatisfy { $0 == 0 } }
}

/// Whether an open file is the one that lies at `path` now; nil where that cannot be told. Opens the path, because network file systems look only
/// then whether it is still there.
func isFile(_ descriptor: Int32, at path: String) -> Bool? {
  let other = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
  guard other >= 0 else { return [ENOENT, ENOTDIR, ELOOP, ESTALE].contains(errno) ? false : nil }
  defer { close(other) }
  var (own, found) = (stat(), stat())
  guard fstat(descriptor, &own) == 0, fstat(other, &found) == 0 else { return errno == ESTALE ? false : nil }
  return (own.st_dev, own.st_ino) == (found.st_dev, found.st_ino)
}

/// The first bytes of an open file.
private func contents(of descriptor: Int32) -> String {
  var bytes = [UInt8](repeating: 0, count: 4096)
  let count = pread(descriptor, &bytes, bytes.count, 0)
  return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
}

/// Replaces the beginning of an open file in one write.
@discardableResult
func overwrite(_ descriptor: Int32, with text: String) -> Bool {
  let bytes = Array(text.utf8)
  return pwrite(descriptor, bytes, bytes.count, 0) == bytes.count
}
