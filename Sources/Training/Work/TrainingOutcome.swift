// How a run ends.

import Cluster

/// How a run ended; the same on every rank.
public struct TrainingOutcome: Sendable {
  public enum End: Sendable {
    case completed
    /// Saved and left, as a signal asked.
    case stopped
    case failed(TrainingError)
  }
  public let end: End
  /// Steps done, of all stages.
  public let step: Int
  public let scores: StageScores?

  static func failed(_ run: Run, _ text: String, _ code: ExitCode) -> Self {
    Self(end: .failed(TrainingError(text, exitCode: code.rawValue)), step: run.stepsDone, scores: nil)
  }

  static func unusable(_ run: Run) -> Self {
    failed(
      run,
      "\(CoordinatedStep.patience) steps in a row had no usable gradient: lower optimizer.learningRate "
        + "(\(run.stage.work.modules[0].learningRate.base)) and start again.", .fatal)
  }

  static func unsaved(_ run: Run) -> Self {
    failed(
      run, "the last checkpoint could not be saved: free space in \(run.configuration.output) and start the same command again.",
      .storage)
  }

  /// The run folder is no longer this run's; rank 0 knows how.
  static func lost(_ run: Run, _ text: String? = nil) -> Self { failed(run, text ?? run.lease?.loss ?? "", .storage) }

  static func stopped(_ run: Run, _ console: Console) -> Self {
    console.print("stopped at step \(run.stepsDone) of \(run.steps) as asked: start the same command again to go on.")
    return Self(end: .stopped, step: run.stepsDone, scores: nil)
  }
}
