// What a rank asks of all at the end of a step; the control word makes it everyone's.

import Cluster

/// Requests to stop, by a signal, the time budget or a file, and to save.
struct RankRequests {
  private let run: Run
  private let rank: Int
  private var files: RequestFiles

  init(_ run: Run, rank: Int) {
    (self.run, self.rank) = (run, rank)
    files = RequestFiles(folder: run.configuration.output)
  }

  /// - Parameter isSaveDue: whether it is time for a checkpoint, by rank 0's clock.
  mutating func flags(isSaveDue: Bool, _ console: Console) -> ControlFlags {
    var flags: ControlFlags = []
    if rank == 0, run.budget.isUp(), !StopSignal.isRequested {
      console.print(run.budget.explanation)
      StopSignal.request()
    }
    if StopSignal.isRequested { flags.insert(.stop) }
    guard rank == 0 else { return flags }
    if isSaveDue { flags.insert(.save) }
    return flags.union(files.take(lease: run.lease))
  }
}
