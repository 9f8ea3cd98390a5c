// The lease of a run folder: two jobs cannot write one run at the same time, a dead job blocks nobody, and a run whose folder was moved away, removed or
// taken over notices it before it writes there again.

import Files

/// Held by rank 0 while it writes a run folder; given back when it is released or the process ends.
public final class RunLease: Sendable {
  private let folder: String
  private let lock: FileLock

  /// - Parameters:
  ///   - patience: how long to wait for a holder that may be dead, seconds.
  ///   - waiting: gets a sentence when waiting begins.
  /// - Throws: if another process holds the lease, with its host and process.
  public init(folder: String, patience: Double = 180, waiting: (String) -> Void = { _ in }) throws(ClusterError) {
    self.folder = folder
    do throws(FileError) { lock = try FileLock("\(folder)/\(RunFolder.leaseName)", patience: patience, waiting: waiting) } catch {
      let code: ExitCode = error.systemError == nil ? .configuration : .storage
      throw ClusterError(error.description, exitCode: code.rawValue)
    }
  }

  /// Whether the folder is still this run's.
  public var isHeld: Bool { lock.isHeld }

  /// What to tell when it is not.
  public var loss: String {
    "\(folder) was moved or removed while the run wrote it, or another job has taken it over; nothing more is written there. "
      + "Move it back or name its new place as output, and start again to go on from its newest checkpoint."
  }

  /// - Throws: if the folder is no longer this run's.
  public func requireHeld() throws(ClusterError) {
    guard isHeld else { throw ClusterError(loss, isFolderLost: true, exitCode: ExitCode.storage.rawValue) }
  }

  public func release() { lock.release() }

  /// Whether the text of a file is that of a lease, held or not.
  static func isLease(_ text: String) -> Bool { FileLock.isOwn(text) }
}
