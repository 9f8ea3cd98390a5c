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

  /// Ends this process after a few seconds, and the launcher's process above it: on a host that was cut off nobody else will.
  static func lightFuse(code: ExitCode) {
    Thread.detachNewThread {
      sleep(fuseSeconds)
      endLauncher()
      _exit(code.rawValue)
    }
  }

  /// Prints why, leaves the incident file and ends all ranks.
  /// - Parameter isCut: another host does not answer any more. MPI would then wait for it for a quarter of an hour (measured with
  /// Open MPI 4.1.4: the order to end is never acknowledged), so each side ends what it can reach; the fuse is for this process.
  static func end(_ incident: Incident, run: String, code: ExitCode, isCut: Bool = false) -> Never {
    printError(incident.message)
    lightFuse(code: code)
    incident.write(run: run)
    guard isCut, parentIsLauncher else { MPI.abort(code: code.rawValue) }
    endLauncher()
    while true { sleep(fuseSeconds) }
  }

  static func printError(_ message: String) { complain("cohort: \(message)") }

  /// Ends mpirun or its daemon, if this process was started by it. At the first signal mpirun may wait for a host that does not
  /// answer; it leaves at the second.
  static func endLauncher() {
    for _ in 0..<2 where parentIsLauncher {
      kill(getppid(), SIGTERM)
      usleep(100_000)
    }
  }

  /// Whether this process was started by mpirun or by its daemon on a remote host.
  private static var parentIsLauncher: Bool {
    let name = FileManager.default.contents(atPath: "/proc/\(getppid())/comm").map { String(decoding: $0, as: UTF8.self) }
    return ["mpirun", "mpiexec", "orterun", "orted", "prted"].contains(name?.trimmingCharacters(in: .newlines))
  }
}
