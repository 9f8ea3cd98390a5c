// The named moments of a save, at which tests end the job or make the disk fail: the promise that a committed checkpoint is never lost
// is tried at every one of them.

import Foundation
import Synchronization

/// A moment of a save, in the order in which they come. Without the environment variables below, reaching one does nothing.
///
/// - `COHORT_CHECKPOINT_KILL=slab:3`: the process kills itself when it reaches the point for the third time (`slab` alone: the first). Ranks that
///   do not pass the point wait for the one that did, and the launcher ends them.
/// - `COHORT_CHECKPOINT_ERROR=slab:3`: the point fails the first three times (`slab` alone: every time), as an I/O error would.
package enum CheckpointPoint: String, CaseIterable, Sendable {
  /// Rank 0: nothing is written; `state.h5` has its layout and no values.
  case begin, layout
  /// Every rank that writes: the file is open; one piece of values is written; the file is closed.
  case open, slab, close
  /// Every rank: its neighbour's blocks are as they should be; what it wrote is on the disk.
  case verify, synchronize
  /// Rank 0: the manifest is on the disk under a temporary name; under its own.
  case manifestWritten, manifestNamed
  /// Rank 0, where the step had a checkpoint before: that one is set aside.
  case replaced
  /// Rank 0: the folder has its name, which is the commit; LATEST names it.
  case commit, latest
  /// Rank 0: a superseded checkpoint lost its name and is not removed yet.
  case retention

  func reach() throws(ClusterError) {
    guard let request = Self.request, request.point == self else { return }
    let time = request.times.add(1, ordering: .relaxed).newValue
    if request.kills {
      if time == request.count ?? 1 { kill(getpid(), SIGKILL) }
    } else if time <= request.count ?? .max {
      throw ClusterError("Input/output error at \(rawValue), as COHORT_CHECKPOINT_ERROR asks. Unset it.")
    }
  }

  private final class Request: Sendable {
    let point: CheckpointPoint
    let count: Int?
    let kills: Bool
    let times = Atomic(0)

    init?(_ text: String?, kills: Bool) {
      let fields = text?.split(separator: ":").map(String.init) ?? []
      guard let name = fields.first else { return nil }
      guard let point = CheckpointPoint(rawValue: name) else {
        fatalError(
          "There is no moment \(name) of a save; they are \(CheckpointPoint.allCases.map(\.rawValue).joined(separator: " ")).")
      }
      (self.point, self.kills, count) = (point, kills, fields.dropFirst().first.flatMap { Int($0) })
    }
  }

  private static let request: Request? = {
    let environment = ProcessInfo.processInfo.environment
    return Request(environment["COHORT_CHECKPOINT_KILL"], kills: true)
      ?? Request(environment["COHORT_CHECKPOINT_ERROR"], kills: false)
  }()
}
