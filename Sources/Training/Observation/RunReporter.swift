// Reports what a run does: console, metrics.jsonl, and the observer with its events, page and trace.

import Cluster
import Foundation
import Kernels
import MPI
import Preparation

/// The voice of the training loop. It decides nothing.
final class RunReporter {
  let console: Console
  private let run: Run
  private let ranks: Int
  private let log: MetricsLog?
  private var progress: ProgressReport
  private var collapse = CollapseCheck()

  init(_ run: Run, ranks: Int, console: Console, log: MetricsLog?) {
    (self.run, self.ranks, self.console, self.log) = (run, ranks, console, log)
    progress = ProgressReport(run, console: console)
    printTitle()
  }

  /// A new stage is at work. Collective.
  func beginStage(over world: borrowing Communicator) throws {
    run.observer?.stage(run.stage.name, at: run.stepsDone)
    try prepareStage(run, log, over: world, console: console)
    collapse = CollapseCheck()
    progress = ProgressReport(run, console: console)
    printTitle()
  }

  private func printTitle() {
    let name = run.stage.name.isEmpty ? "" : "stage \(run.stage.name): "
    console.print(
      clauses: "\(name)\(run.stage.work.title); \(counted(run.configuration.lanes, "lane")) on \(counted(ranks, "rank")) "
        + "of \(counted(Threads.count, "thread"))")
  }

  func skipped(_ reason: AveragingOutcome) {
    console.warn("step \(run.stepsDone + 1) is skipped: a gradient is \(reason == .nonFinite ? "not finite" : "out of range").")
  }

  /// Reports a step that `run.stepsDone` counts already.
  func after(_ outcome: StepOutcome, _ lanes: LaneWork, _ times: StepTimes) {
    let step = run.stepsDone, summary = outcome.summary, means = lanes.means(summary)
    progress.after(means)
    run.observer?.after(step, summary, loss: means["loss"], seconds: times.sinceStart)
    log?.append(
      kind: "step", step: step,
      means.merging(summary.timings) { $1 }.merging([
        "rate": run.stage.learningRate(afterSteps: run.stage.stepsDone), "seconds": outcome.seconds,
        "updateSeconds": times.seconds(in: .update), "wallSeconds": times.sinceStart,
      ]) { $1 })
    for message in lanes.messages(after: step) + collapse.messages(means) { console.warn(message) }
  }

  /// All that was timed in a step, checkpoints and validations included.
  func keep(_ times: StepTimes) { run.observer?.keep(times, of: run.stepsDone) }

  /// - Parameter judged: the score by which the best state is chosen.
  func validated(_ scores: StageScores, judged: Double) {
    run.observer?.validated(scores.mean, step: run.stepsDone)
    let isSmoothed = run.stage.configuration[ValidationKeys.smoothing] > 0
    let mean = isSmoothed ? ", moving mean \(judged.formatted(decimals: 4))" : ""
    console.print("step \(run.stepsDone): \(scores.text)\(mean)")
    log?.append(
      kind: scores.kind, step: run.stepsDone, scores.numbers.merging(isSmoothed ? ["dice.smoothed": judged] : [:]) { $1 })
    log?.figures?.validated(scores)
  }

  /// A checkpoint is on the disk.
  func saved() { log?.figures?.saved() }

  /// The table at the end of a stage.
  func summary(_ scores: StageScores) { progress.summary(scores) }
}

/// Lets the work of a stage compute what its steps need of all ranks. Collective.
package func prepareStage(_ run: Run, _ log: MetricsLog? = nil, over world: borrowing Communicator, console: Console) throws {
  guard !run.stage.isDone else { return }
  let numbers = try run.stage.work.prepare(over: world, console: console)
  // Before the first step, whose line an interrupted run writes again.
  if run.stage.stepsDone == 0, !numbers.isEmpty { log?.append(kind: "calibration", step: run.stepsDone + 1, numbers) }
}

extension Stage {
  /// The learning rate of the first module with which the newest step was taken; 0 where nothing is trained.
  fileprivate func learningRate(afterSteps steps: Int) -> Double {
    guard let module = work.modules.first else { return 0 }
    return module.learningRate.at(Step(index: steps - 1, total: self.steps, seed: configuration.seed))
  }
}
