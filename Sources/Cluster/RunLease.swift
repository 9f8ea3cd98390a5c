// The lease of a run folder: a lock on a file that the operating system drops when its holder ends, however it ends. Two jobs cannot write one run at
// the same time, and a dead job blocks nobody.

import Files
import Foundation

/// Held by rank 0 while it writes a run folder; given back when it is released from memory or the process ends.
public final class RunLease {
  /// Whether the file system offers locks; without them nothing keeps a second job away.
  public let isExclusive: Bool
  private let descriptor: Int32

  /// - Throws: if another process holds the lease, with its host and process.
  public init(folder: String) throws(ClusterError) {
    let path = "\(folder)/lease"
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, newFilePermissions)
    guard descriptor >= 0 else {
      throw ClusterError(
        "Cannot open \(path): \(String(cString: strerror(errno))). Check that the run folder exists and is writable.")
    }
    isExclusive = flock(descriptor, LOCK_EX | LOCK_NB) == 0
    if !isExclusive, errno == EWOULDBLOCK {
      let holder = (try? String(contentsOfFile: path, encoding: .utf8)) ?? "another process"
      close(descriptor)
      throw ClusterError(
        "\(folder) is being written by \(holder). Wait until that job ends or stop it, or choose another run folder.")
    }
    let holder = "process \(getpid()) on \(ProcessInfo.processInfo.hostName)"
    ftruncate(descriptor, 0)
    _ = holder.withCString { pwrite(descriptor, $0, strlen($0), 0) }
  }

  deinit { close(descriptor) }
}
