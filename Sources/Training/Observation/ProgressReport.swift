// The progress line, and the table at the end of a stage.

import Foundation

/// Tells how far a run is and how fast it goes.
final class ProgressReport {
  private let console: Console
  private let run: Run
  private let firstStep: Int
  private let started = ContinuousClock.now
  /// The smoothed time of recent steps, seconds.
  private var secondsPerStep: Double?
  private var last = ContinuousClock.now

  init(_ run: Run, console: Console) {
    (self.run, self.console, firstStep) = (run, console, run.stepsDone)
  }

  func after(_ means: [String: Double]) {
    let now = ContinuousClock.now, elapsed = (now - last).seconds
    last = now
    secondsPerStep = secondsPerStep.map { 0.95 * $0 + 0.05 * elapsed } ?? elapsed
    console.progress(line(means), isLast: run.stage.isDone)
  }

  /// Pace first, then the terms of the loss, then the method's other numbers, as many as fit. Weights and gradient norms, whose names have
  /// a dot, are for metrics.jsonl, which has all.
  private func line(_ means: [String: Double]) -> String {
    let pace = max(secondsPerStep ?? 1, 1e-9), stage = run.stage
    let names = means.keys.filter { $0 != "loss" && !$0.contains(".") }.sorted()
    let terms = names.filter { means["weight." + $0] != nil } + names.filter { means["weight." + $0] == nil }
    let head =
      (stage.name.isEmpty ? "" : "\(stage.name) ")
      + "step \(stage.stepsDone)/\(stage.steps)  loss \((means["loss"] ?? 0).formatted(decimals: 4))  "
      + "\((Double(stage.work.samplesPerStep) / pace).formatted(decimals: 1)) samples/s  "
      + "\(clockTime(Double(stage.steps - stage.stepsDone) * pace)) left"
    return terms.reduce(into: head) { line, name in
      let term = "  \(name) \(means[name]!.formatted(decimals: 3))"
      if line.count + term.count <= Console.width { line += term }
    }
  }

  func summary(_ scores: StageScores) {
    let seconds = (ContinuousClock.now - started).seconds, steps = run.stepsDone - firstStep
    let each = (seconds / Double(max(1, steps))).formatted(decimals: 3)
    console.print("")
    console.print("  run           \(run.configuration.output)" + (run.stage.name.isEmpty ? "" : ", stage \(run.stage.name)"))
    console.print("  steps         \(steps) in \(clockTime(seconds)) (\(each) s each), validation and checkpoints included")
    console.print("  \(scores.heading)")
    for (name, value) in scores.table {
      console.print("    \(name.padding(toLength: 24, withPad: " ", startingAt: 0)) \(value.formatted(decimals: 4))")
    }
    if let caveat = (run.stage.work as? MethodWork)?.description.caveat { console.print("  \(caveat)") }
    if let newest = run.checkpoints.list().last { console.print("  checkpoint    \(newest.path)") }
  }
}
