// SIGUSR1, SIGTERM and SIGINT ask for a clean stop: save at the end of the step and leave with "please requeue". A second SIGINT ends at once.

import Foundation
import Synchronization

private let requested = Atomic<Bool>(false)

/// The request to stop, of this process; the control word makes it everyone's.
public enum StopSignal {
  public static var isRequested: Bool { requested.load(ordering: .relaxed) }

  /// Asks as a signal does.
  static func request() { requested.store(true, ordering: .relaxed) }

  /// Handlers only set a flag: anything more is not allowed in them. SIGUSR1 and SIGTERM may come again while the checkpoint is written,
  /// since Slurm and the launcher both send them to the ranks; only a person who presses Ctrl-C twice is in a hurry.
  public static func install() {
    for number in [SIGUSR1, SIGTERM, SIGINT] {
      signal(number) { number in
        if requested.exchange(true, ordering: .relaxed), number == SIGINT {
          signal(number, SIG_DFL)
          raise(number)
        }
      }
    }
  }
}
