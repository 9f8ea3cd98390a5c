// Saving as the loop sees it: rank 0's clock decides when, a failure costs the checkpoint and not the run, and a disk that stays
// broken is warned of.

import Cluster
import Foundation
import HDF5
import MPI

/// What a run has saved so far. Made alike on every rank; only rank 0's clock is asked.
struct Checkpointing {
  /// Steps done at the last save.
  private(set) var savedStep: Int
  private(set) var failures = 0
  /// Why what the stage is for could not be written beside the last checkpoint.
  private(set) var exportProblem: String?
  private var failuresInARow = 0
  private var interval: CheckpointInterval
  private let start = ContinuousClock.now

  /// - Parameter firstStep: steps of the run that are done.
  init(_ configuration: RunConfiguration, firstStep: Int) {
    savedStep = firstStep
    interval = CheckpointInterval(
      steps: configuration.checkpointEvery, seconds: configuration.checkpointSeconds, overhead: configuration.checkpointOverhead,
      now: 0)
  }

  /// Whether to ask for a save at the end of the step that is the `step`th. On rank 0.
  func isDue(afterStep step: Int) -> Bool { interval.isDue(afterStep: step, now: now) }

  /// Saves a checkpoint; a save that fails is a warning, and the older checkpoints are untouched. Throws where the ranks have nothing common to
  /// save, or no longer the folder to save it in. Collective.
  /// - Returns: whether the checkpoint is on the disk.
  mutating func save(_ run: Run, over world: borrowing Communicator, console: Console) throws -> Bool {
    let started = now, step = run.stepsDone
    Flight.mark(.checkpoint, step: step)
    try run.requireSameState(over: world)
    defer {
      interval.recordSave(seconds: now - started, now: now)
      run.budget.record(.save, seconds: now - started)
    }
    do {
      let record = try run.checkpoints.save(run.state, over: world)
      try export(run, over: world, console: console)
      run.observer?.saved(record, seconds: now - started)
      (savedStep, failuresInARow) = (step, 0)
      return true
    } catch {
      if error.isFolderLost { throw error }
      failures += 1
      failuresInARow += 1
      run.observer?.notSaved(error, step: step)
      console.warn("no checkpoint at step \(step): \(error)")
      if failuresInARow == 3 {
        console.warn(
          "THREE CHECKPOINTS IN A ROW COULD NOT BE SAVED. If the run ends now, everything since step \(savedStep) is lost: "
            + "free space in \(run.configuration.output) or repair its disk. Training goes on.")
      }
      return false
    }
  }

  /// Writes what the stage is for, beside the newest checkpoint. Collective.
  mutating func export(_ run: Run, over world: borrowing Communicator, console: Console) throws(ClusterError) {
    exportProblem = nil
    do throws(ClusterError) {
      try together(over: world) { world in
        guard world.rank == 0 else { return }
        try run.lease?.requireHeld()
        try run.stage.work.saved(afterSteps: run.stage.stepsDone)
      }
    } catch {
      if error.isCommunication || error.isFolderLost { throw error }
      exportProblem = error.description
      console.warn(error.description)
    }
  }

  private var now: Double { (ContinuousClock.now - start).seconds }
}

/// How checkpoints reach the disk, for the first lines of a run.
func checkpointTitle(_ run: Run, ranks: Int) -> String {
  let serial = "serial HDF5 \(hdf5Version)"
  guard ranks > 1 else { return "checkpoints: \(serial)" }
  let shared = "parallel HDF5 \(hdf5Version) through \(ParallelIO.title)"
  return switch run.checkpoints.backend {
  case .gather: "checkpoints: \(serial) on rank 0"
  case .parallel: "checkpoints: \(shared)"
  case .auto: "checkpoints: \(shared); small ones and those on NFS: \(serial) on rank 0"
  }
}
