// `cohort watch`: where a run stands, in the lines of a terminal. Only the run folder is read, so that it works beside a run of other hosts,
// and after it.

import Cluster
import Files
import Foundation
import Reports

/// A run at one moment.
public struct RunGlance {
  private let report: RunReport
  /// Nil before the first step.
  private let curves: RunCurves?
  private let warnings: [String]
  /// Seconds since the newest line of metrics.jsonl.
  private let silence: Double?

  /// The longest line.
  private static let width = 79

  /// Errors: no run folder.
  public init(run: String) throws {
    report = try RunReport(run: run)
    curves = try? RunCurves(run: run)
    warnings = runWarnings(ofRun: run)
    let path = MetricsFile.path(run),
      written = try? FileManager.default.attributesOfItem(atPath: path)[.modificationDate] as? Date
    silence = written.map { -$0.timeIntervalSinceNow }
  }

  /// Whether the newest attempt has come to its end, however it went.
  public var hasEnded: Bool { report.attempts.last?.code != nil }

  /// What is shown, no line longer than 79 characters.
  public var lines: [String] {
    (heads + [""] + plots + validations + ranks + notes).map { String($0.prefix(Self.width)) }
  }

  private var newestStep: Int { max(curves?.newestStep ?? 0, report.attempts.last?.firstStep ?? 0) }

  private var heads: [String] {
    guard let attempt = report.attempts.last else { return [] }
    let share = Double(newestStep) / Double(max(1, report.totalSteps)), filled = Int(30 * min(1, max(0, share)))
    let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 30 - filled)
    return [
      "run      \(report.run)", "attempt  \(attempt.number): \(attempt.course)",
      "step     \(newestStep) of \(report.totalSteps)  \(bar)  \(Int(100 * share)) %", "time     \(pace)",
    ]
  }

  /// How fast it goes and how long it will take, by the newest bins of steps.
  private var pace: String {
    let times = curves.map { $0.points("wallSeconds").isEmpty ? $0.points("seconds") : $0.points("wallSeconds") } ?? []
    let newest = times.suffix(5), seconds = newest.reduce(0) { $0 + $1.y } / Double(max(1, newest.count))
    guard !newest.isEmpty else { return "no step yet" }
    let each = "\(seconds.formatted(decimals: 3)) s a step"
    if let code = report.attempts.last?.code { return "\(each); ended with code \(code)" }
    let left = "about \(clockTime(seconds * Double(max(0, report.totalSteps - newestStep)))) left"
    guard let silence, silence > max(60, 20 * seconds) else { return "\(each), \(left)" }
    return "\(each); no new step for \(clockTime(silence)): validating, waiting, or killed"
  }

  private var plots: [String] {
    guard let curves else { return [] }
    let last = Double(report.totalSteps),
      rule =
        String(repeating: " ", count: 11) + "0"
        + String(
          repeating: " ", count: TextCurve.columns - 2 - "\(report.totalSteps)".count) + " \(report.totalSteps)"
    let shown = [
      TextCurve(title: "loss", points: curves.points("loss")), TextCurve(title: "Dice", points: curves.dice),
    ].map { $0.lines(lastStep: last) }.filter { !$0.isEmpty }
    return shown.flatMap { $0 + [rule] }
  }

  private var validations: [String] {
    guard let curves, let best = curves.best else { return [] }
    let whose = curves.isHeldOut == true ? "held-out cases" : "training cases, none are held out"
    let scores = curves.lastScores.map { "\($0[0]) \($0[1])" }.joined(separator: "  ")
    return ["", "validation of \(whose); best \(best.dice.formatted(decimals: 4)) at step \(best.step)", "  newest: \(scores)"]
  }

  /// The ranks that work longest first where there are many.
  private var ranks: [String] {
    let most = 12, all = report.ranks
    guard !all.isEmpty else { return [] }
    let shown = all.count <= most ? all : Array(all.sorted { $0.load + $0.compute > $1.load + $1.compute }.prefix(most))
    return [""] + rankTable(shown) + (all.count > most ? ["and \(all.count - most) faster ranks"] : [])
  }

  private var notes: [String] {
    let all = report.warnings + warnings
    let shown = all.suffix(3).flatMap { folded($0.split(separator: " "), width: Self.width) }
    return shown.isEmpty ? [] : ["", "warnings (the newest of \(all.count)):"] + shown
  }
}
