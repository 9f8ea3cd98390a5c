// The last seconds of a job: one message, every rank informed, and a fuse for the case that nothing else ends this process.

import Files
import Foundation
import MPI
import Synchronization

enum JobEnd {
  /// How long MPI has to end this process once its end is decided, seconds.
  static let fuseSeconds: UInt32 = 5
  private static let isClaimed = Atomic<Bool>(false)

  /// Claims the right to report why this job ends. True for the first caller in this process only; a report of another rank counts
  /// as a caller.
  static func claim() -> Bool { !isClaimed.exchange(true, ordering: .acquiringAndReleasing) }

  /// To be called once before a signal handler calls `claim`: what is made at its first use must not be made there.
  static func prepare() { _ = isClaimed.load(ordering: .relaxed) }

  /// Ends this process after a few seconds, and the launcher's process above it: on a host that was cut off nobody else will.
  static func lightFuse(code: ExitCode) {
    Thread.detachNewThread {
      sleep(fuseSeconds)
      LauncherProcess.end()
      _exit(code.rawValue)
    }
  }

  /// Prints why, leaves the incident file and ends all ranks.
  /// - Parameter isCut: another host does not answer any more. MPI would then wait for it for a quarter of an hour (measured with
  /// Open MPI 4.1.4: the order to end is never acknowledged), so each side ends what it can reach; the fuse is for this process.
  static func end(_ incident: Incident, run: String, code: ExitCode, isCut: Bool = false) -> Never {
    // First of all: whoever should read the message may not read any more.
    lightFuse(code: code)
    printError(incident.message)
    incident.write(run: run)
    guard isCut, LauncherProcess.isThere else { MPI.abort(code: code.rawValue) }
    LauncherProcess.end()
    while true { sleep(fuseSeconds) }
  }

  static func printError(_ message: String) { complain("cohort: \(message)") }
}
