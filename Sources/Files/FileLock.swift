// A lock on a file that keeps a second process away, on any host and on any file system. The system's own lock (flock) ends with its holder,
// however that ends; but some file systems have none, or one that other hosts do not see. So a holder also makes a claim, a numbered file beside
// the lock, and renews it. Who takes the place of claim n makes claim n + 1, which only one of many can make, and then removes claim n.

import Foundation
import Synchronization

/// A lock that this process holds until it is released or the process ends.
public final class FileLock: Sendable {
  /// Seconds between two signs of life.
  private static let beatSeconds: UInt32 = 15

  private let path: String
  private let files: LockFiles
  private let isOpen = Mutex(true)

  /// Takes the lock.
  /// - Parameters:
  ///   - path: the lock file, which is made where it is missing and stays.
  ///   - patience: how long to wait for a holder that gives no sign of life, seconds. One that does is not waited for.
  ///   - waiting: gets a sentence when waiting begins.
  public init(_ path: String, patience: Double = 180, waiting: (String) -> Void = { _ in }) throws(FileError) {
    var wait = LockWait(path, patience: patience)
    self.path = path
    files = try LockFiles.take(path, &wait, waiting)
    Thread.detachNewThread { [weak self] in
      var beat = 1
      while self?.renew(beat) == true {
        beat += 1
        sleep(Self.beatSeconds)
      }
    }
  }

  deinit { release() }

  /// Whether the text of a file is that of a lock file; an empty one waits for its first holder.
  public static func isOwn(_ text: String) -> Bool { text.isEmpty || LockHolder.isTitle(text) }

  /// Whether the lock is still this process's: its files lie where they did, and nobody has made a further claim.
  public var isHeld: Bool {
    isOpen.withLock { isOpen in
      isOpen && isFile(files.lock, at: path) != false && isFile(files.claim, at: LockFiles.claim(files.number, of: path)) != false
        && access(LockFiles.claim(files.number + 1, of: path), F_OK) != 0
    }
  }

  /// Gives the lock back.
  /// - Parameter removing: whether the lock file goes, too.
  public func release(removing: Bool = false) {
    isOpen.withLock { isOpen in
      guard isOpen else { return }
      isOpen = false
      // In a folder that was moved away, and in one that another process has taken over, these names belong to others.
      let claim = LockFiles.claim(files.number, of: path)
      if isFile(files.claim, at: claim) == true { unlink(claim) }
      if removing, isFile(files.lock, at: path) == true { unlink(path) }
      close(files.claim)
      close(files.lock)
    }
  }

  private func renew(_ beat: Int) -> Bool {
    isOpen.withLock { isOpen in
      guard isOpen else { return false }
      overwrite(files.claim, with: files.holder.text(beat: beat))
      // Other hosts see it only then.
      fdatasync(files.claim)
      return true
    }
  }
}
