// A check that does not end: messages that never arrive, a file system that does not answer. The doctor prints that and ends.

import Files
import Foundation
import MPI
import Synchronization

/// Ends the process with a sentence when a check takes longer than it may.
final class DoctorDeadline: Sendable {
  private struct Watch {
    var check: DoctorCheck
    /// By the clock of this process, which a suspended job does not use up.
    var end: Double
  }
  private let watch = Mutex<Watch?>(nil)
  private let clock = AwakeClock()
  private let rank: Int

  init(rank: Int) { self.rank = rank }

  /// Begins with a check; the one before has ended.
  func begin(_ check: DoctorCheck) {
    let isFirst = watch.withLock { watch in
      defer { watch = Watch(check: check, end: clock.seconds + check.patience) }
      return watch == nil
    }
    if isFirst { Thread.detachNewThread { self.keep() } }
  }

  /// The last check has ended.
  func end() { watch.withLock { $0 = nil } }

  private func keep() {
    while let now = watch.withLock({ $0 }) {
      usleep(200_000)
      // Where all ranks are stuck rank 0 prints; the others follow if it cannot.
      guard clock.seconds > max(now.end, clock.graceEnd) + (rank == 0 ? 0 : 5) else { continue }
      let place = "rank \(rank) on \(Communicator.hostName)"
      complain("cohort: \(place): the check of \(now.check.name) does not end. \(hint(now.check))")
      _exit(ExitCode.preflight.rawValue)
    }
  }

  private func hint(_ check: DoctorCheck) -> String {
    if check.touchesFiles {
      return "The file system does not answer: look at its server, or take a folder on another one."
    }
    let networks = Set(NetworkAddress.ofThisHost.filter(\.leadsOut).map(\.network)).sorted().joined(separator: ", ")
    return
      "Messages between hosts do not arrive. mpirun tries every network of this host (\(networks)), and one that leads nowhere "
      + "stops it: "
      + "start with `cohort doctor --hostfile FILE`, which finds the network that all hosts share, or name it to mpirun with "
      + "--mca btl_tcp_if_include NETWORK --mca oob_tcp_if_include NETWORK."
  }
}
