// SIGUSR1, SIGTERM and SIGINT ask for a clean stop: save at the end of the step and leave with "please requeue". A second SIGINT ends at once.
//
// They are taken by a thread that does nothing else. A thread that computes must never be interrupted: oneDNN's generated matrix product for AVX2
// (and, for long sums, that for AVX-512) points the stack register at a buffer on the heap, and the kernel would write a handler's frame, three
// kilobytes, over what lies below that buffer.

import Cluster
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
  private static let numbers = [SIGUSR1, SIGTERM, SIGINT]

  public static var isRequested: Bool { requested.load(ordering: .relaxed) }

  /// Seconds since SIGTERM or SIGINT first came, which mpirun and Slurm send to processes that they will kill; nil if none did.
  public static var secondsSinceTermination: Double? {
    let time = terminatedAt.load(ordering: .relaxed)
    return time == 0 ? nil : Double(steadyNanoseconds() - time) * 1e-9
  }
  /// Ends what takes long between two steps and is kept piece by piece. Error: a stop is asked for.
  /// - Parameter doing: what is not done whole, as a clause.
  static func check(while doing: String) throws(TrainingError) {
    guard isRequested else { return }
    throw TrainingError(
      "stopped as asked while \(doing): start the same command again to go on.", exitCode: ExitCode.requeue.rawValue)
  }

  /// Asks as a signal does.
  static func request() { requested.store(true, ordering: .relaxed) }

  /// Makes signals that come from now on wait for `install`, also across an exec. For the first line of a program: the calling thread and those that
  /// it starts do not take them.
  public static func hold() { setMask(SIG_BLOCK) }

  /// Obeys what `hold` has held and what comes. Before MPI starts and before there are threads.
  ///
  /// SIGUSR1 and SIGTERM may come again while the checkpoint is written, since Slurm and the launcher both send them to the ranks; only a person
  /// who presses Ctrl-C twice is in a hurry.
  public static func install() {
    hold()
    for number in numbers { signal(number, obey) }
    Thread.detachNewThread {
      setMask(SIG_UNBLOCK)
      while true { pause() }
    }
  }

  private static func setMask(_ how: Int32) {
    var set = sigset_t()
    sigemptyset(&set)
    for number in numbers { sigaddset(&set, number) }
    pthread_sigmask(how, &set, nil)
  }
}

/// Only sets flags: anything more is not allowed in a handler.
private func obey(_ number: Int32) {
  if number != SIGUSR1 { _ = terminatedAt.compareExchange(expected: 0, desired: steadyNanoseconds(), ordering: .relaxed) }
  if requested.exchange(true, ordering: .relaxed), number == SIGINT {
    signal(number, SIG_DFL)
    raise(number)
  }
}
