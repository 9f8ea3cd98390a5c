// A lock on a file that keeps a second process away, on any host and on any file system. The system's own lock (flock) ends with its holder,
// however that ends; but some file systems have none, or one that other hosts do not see. So a holder also makes a claim, a numbered file beside
// the lock, and renews it. Who takes the place of claim n makes claim n + 1, which only one of many can make, and then removes claim n.

import Foundation

/// A lock that this process holds until it is released or the process ends.
public final class FileLock: Sendable {
  /// Seconds between two signs of life.
  private static let beatSeconds: UInt32 = 15

  private let held: HeldLock

  /// Takes the lock.
  /// - Parameters:
  ///   - path: the lock file, which is made where it is missing and stays.
  ///   - patience: how long to wait for a holder that gives no sign of life, seconds. One that does is not waited for.
  ///   - waiting: gets a sentence when waiting begins.
  public init(_ path: String, patience: Double = 180, waiting: (String) -> Void = { _ in }) throws(FileError) {
    var wait = LockWait(path, patience: patience)
    held = HeldLock(path, try LockFiles.take(path, &wait, waiting))
    Thread.detachNewThread { [held] in
      var beat = 1
      while held.renew(beat) {
        beat += 1
        sleep(Self.beatSeconds)
      }
    }
  }

  deinit { release() }

  /// Whether the text of a file is that of a lock file; an empty one waits for its first holder.
  public static func isOwn(_ text: String) -> Bool { text.isEmpty || LockHolder.isTitle(text) }

  /// Whether the lock is still this process's: its files lie where they did, and nobody has made a further claim.
  public var isHeld: Bool { held.isHeld }

  /// Gives the lock back.
  /// - Parameter removing: whether the lock file goes, too.
  public func release(removing: Bool = false) { held.release(removing: removing) }
}
