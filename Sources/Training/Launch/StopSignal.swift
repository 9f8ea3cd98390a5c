// SIGUSR1, SIGTERM and SIGINT ask for a clean stop: save at the end of the step and leave with "please requeue". A second SIGINT ends at once.

import Foundation
import Synchronization

private let requested = Atomic<Bool>(false)
/// The time at which SIGTERM or SIGINT first came, nanoseconds of the steady clock; 0 if none did.
private let terminatedAt = Atomic<UInt64>(0)

private func steadyNanoseconds() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// The request to stop, of this process; the control word makes it everyone's.
public enum StopSignal {
  public static var isRequested: Bool { requested.load(ordering: .relaxed) }

  /// Seconds since SIGTERM or SIGINT first came, which mpirun and Slurm send to processes that they will kill; nil if none did.
  public static var secondsSinceTermination: Double? {
    let time = terminatedAt.load(ordering: .relaxed)
    return time == 0 ? nil : Double(steadyNanoseconds() - time) * 1e-9
  }
  /// Asks as a signal does.
  static func request() { requested.store(true, ordering: .relaxed) }

  /// Handlers only set a flag: anything more is not allowed in them. SIGUSR1 and SIGTERM may come again while the checkpoint is written,
  /// since Slurm and the launcher both send them to the ranks; only a person who presses Ctrl-C twice is in a hurry.
  public static func install() {
    for number in [SIGUSR1, SIGTERM, SIGINT] {
      signal(number) { number in
        if number != SIGUSR1 {
          _ = terminatedAt.compareExchange(expected: 0, desired: steadyNanoseconds(), ordering: .relaxed)
        }
        if requested.exchange(true, ordering: .relaxed), number == SIGINT {
          signal(number, SIG_DFL)
          raise(number)
        }
      }
    }
  }
}
