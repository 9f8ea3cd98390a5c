// Who reads a folder of packs: a shared lock on a file in it, which the operating system drops when its holder ends, however it ends. A run has the
// index of its start in memory and opens packs as it needs them, so packs that were replaced stay until nobody may still ask for them.

import Files
import Foundation

/// The lock of one reader, held as long as it lives.
final class PackReaders: Sendable {
  private let descriptor: Int32
  private static let fileName = "packs.readers"

  /// Nil where there is no such file (`prepare` makes it) or the file system has no locks.
  init?(entering folder: String) {
    guard let descriptor = Self.open(folder, O_RDONLY) else { return nil }
    self.descriptor = descriptor
    // Whoever deletes packs holds the file for a moment, long after the new index is in its place.
    for _ in 0..<100 {
      if flock(descriptor, LOCK_SH | LOCK_NB) == 0 { return }
      guard errno == EWOULDBLOCK || errno == EINTR else { return nil }
      usleep(50_000)
    }
    return nil
  }

  deinit { close(descriptor) }

  /// Makes the file that readers lock.
  static func prepare(_ folder: String) throws(VolumeError) {
    guard let descriptor = open(folder, O_RDWR | O_CREAT) else {
      throw VolumeError("\(folder)/\(fileName) cannot be made or is not a plain file: remove it, or choose another folder.")
    }
    close(descriptor)
  }

  /// Runs `body` if it is certain that nobody reads the folder; nobody can begin meanwhile.
  /// - Returns: whether it ran.
  static func whileAbsent(from folder: String, _ body: () -> Void) -> Bool {
    guard let descriptor = open(folder, O_RDWR) else { return false }
    defer { close(descriptor) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { return false }
    body()
    return true
  }

  private static func open(_ folder: String, _ mode: Int32) -> Int32? {
    let descriptor = Glibc.open("\(folder)/\(fileName)", mode | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, newFilePermissions)
    var facts = stat()
    guard descriptor >= 0 else { return nil }
    guard fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      return nil
    }
    return descriptor
  }
}
