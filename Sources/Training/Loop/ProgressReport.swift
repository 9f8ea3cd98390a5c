// The progress line, and the table at the end of a run.

import Foundation
import Kernels

extension Double {
  /// With a fixed number of decimals, without locale.
  public func formatted(decimals: Int) -> String { String(format: "%.\(decimals)f", self) }
}

extension Duration {
  public var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}

/// Seconds as 1:05:09 or 5:09.
public func clockTime(_ seconds: Double) -> String {
  let whole = Int(seconds.rounded())
  return whole >= 3600
    ? String(format: "%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60)
    : String(format: "%d:%02d", whole / 60, whole % 60)
}

/// Tells how far a run is and how fast it goes.
final class ProgressReport {
  private let console: Console
  private let total: Int
  private let firstStep: Int
  private let samplesPerStep: Int
  private let started = ContinuousClock.now
  /// Time of recent steps, seconds, smoothed.
  private var secondsPerStep: Double?
  private var last = ContinuousClock.now

  init(_ run: Run, ranks: Int, console: Console, firstStep: Int) {
    self.console = console
    self.firstStep = firstStep
    total = run.configuration.steps
    samplesPerStep = run.samplesPerStep
    let parameters = run.method.trained.reduce(0) { $0 + $1.parameters.count }
    console.say(
      "\(run.description.method) with \(run.description.network), \((Double(parameters) / 1e6).formatted(decimals: 2)) M parameters; "
        + "patch \(run.configuration.patch); \(run.configuration.lanes) lanes on \(ranks) rank\(ranks == 1 ? "" : "s") "
        + "of \(Threads.count) thread\(Threads.count == 1 ? "" : "s"); \(run.split.labelled.count) labelled, "
        + "\(run.split.unlabelled.count) unlabelled, \(run.split.test.count) test volumes; "
        + "prior: \(run.prior?.title ?? "none")")
  }

  func after(_ step: Int, _ numbers: [String: Double]) {
    let now = ContinuousClock.now, elapsed = (now - last).seconds
    last = now
    secondsPerStep = secondsPerStep.map { 0.95 * $0 + 0.05 * elapsed } ?? elapsed
    console.progress(line(step, numbers), isLast: step == total)
  }

  /// Pace first: a narrow terminal cuts the terms. Weights and gradient norms, whose names have a dot, are for metrics.jsonl.
  private func line(_ step: Int, _ numbers: [String: Double]) -> String {
    let pace = max(secondsPerStep ?? 1, 1e-9)
    let names = numbers.keys.filter { $0 != "loss" && !$0.contains(".") }.sorted()
    let terms = names.map { "\($0) \(numbers[$0]!.formatted(decimals: 4))" }
    return "step \(step)/\(total)  loss \((numbers["loss"] ?? 0).formatted(decimals: 4))  "
      + "\((Double(samplesPerStep) / pace).formatted(decimals: 1)) samples/s  \(clockTime(Double(total - step) * pace)) left  "
      + terms.joined(separator: "  ")
  }

  func summary(_ scores: ValidationScores, _ run: Run, step: Int) {
    let seconds = (ContinuousClock.now - started).seconds, steps = step - firstStep
    console.say("")
    console.say("  run           \(run.configuration.output)")
    console.say(
      "  steps         \(steps) in \(clockTime(seconds)) (\((seconds / Double(max(1, steps))).formatted(decimals: 3)) s each), validation and checkpoints included"
    )
    console.say(
      "  Dice on the \(run.split.isHeldOut ? "validation cases" : "labelled training volumes (none are held out: validation.cases)")"
    )
    for (k, value) in scores.classMeans.enumerated() {
      console.say(
        "    \(run.description.classNames[k + 1].padding(toLength: 24, withPad: " ", startingAt: 0)) \(value.formatted(decimals: 4))"
      )
    }
    console.say("    \("mean".padding(toLength: 24, withPad: " ", startingAt: 0)) \(scores.mean.formatted(decimals: 4))")
    if let caveat = run.description.caveat { console.say("  \(caveat)") }
    if let newest = run.checkpoints.list().last { console.say("  checkpoint    \(newest.path)") }
  }
}
