// A lock while it is held: its two files, and the signs of life that its holder gives. Apart from `FileLock`, so that the thread that gives these
// signs keeps no lock alive that its holder has let go.

import Foundation
import Synchronization

final class HeldLock: Sendable {
  private let path: String
  private let files: LockFiles
  private let isOpen = Mutex(true)

  init(_ path: String, _ files: LockFiles) {
    self.path = path
    self.files = files
  }

  /// Whether the lock is still this process's: its files lie where they did, and nobody has made a further claim.
  var isHeld: Bool {
    isOpen.withLock { isOpen in
      isOpen && isFile(files.lock, at: path) != false && isFile(files.claim, at: LockFiles.claim(files.number, of: path)) != false
        && access(LockFiles.claim(files.number + 1, of: path), F_OK) != 0
    }
  }

  /// Gives the lock back, after a sign of life that is being written.
  func release(removing: Bool) {
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

  /// Writes a sign of life.
  /// - Returns: whether the lock is still held.
  func renew(_ beat: Int) -> Bool {
    isOpen.withLock { isOpen in
      guard isOpen else { return false }
      overwrite(files.claim, with: files.holder.text(beat: beat))
      // Other hosts see it only then.
      fdatasync(files.claim)
      return true
    }
  }
}
