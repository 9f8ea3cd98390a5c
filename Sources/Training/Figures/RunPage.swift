// `cohort report run --html`: the course of a run as one page that needs nothing else, also while the run goes on.

import Files
import Foundation
import Reports

/// Writes the page of a run: curves of losses, Dice, times and the method's own numbers, attempts, ranks, configuration.
/// - Parameters:
///   - run: the run folder.
///   - path: ends in .html; an earlier page of this function is replaced, any other file is not.
/// - Returns: a line for people.
/// Errors: no run folder; a path that is something else.
public func writeRunPage(run: String, to path: String) throws -> String {
  try checkEnding(of: path, ".html", format: "a page")
  try checkOutputs([path], reading: [MetricsFile.path(run)]) { path in
    (try? readText(path, atMost: 1 << 30))?.contains(mark) ?? false
  }
  let report = try RunReport(run: run), curves = try RunCurves(run: run)
  try writeDurably(Array(page(report, curves).utf8), to: path)
  return "\(path): \(counted(curves.stepCount, "step")), \(counted(report.attempts.count, "attempt"))"
}

/// What tells the pages of this function from other files.
private let mark = "<!-- cohort report run -->"

private func page(_ report: RunReport, _ curves: RunCurves) -> String {
  let configuration = (try? readText("\(report.run)/configuration.resolved.yaml")) ?? ""
  let warnings = (report.warnings + [curves.warning].compactMap { $0 }).map { "<p class=\"warning\">\(escaped($0))</p>" }
  return Reports.page(
    title: "Run \(report.run)",
    """
    \(mark)
    \(warnings.joined(separator: "\n"))
    \(table(facts(report, curves)))
    <div class="charts">\(curves.charts.map(\.svg).joined(separator: "\n"))</div>
    <h2>Last scores</h2>
    \(curves.lastScores.isEmpty ? "<p>No validation yet.</p>" : "<p>\(escaped(curves.scored))</p>" + table(curves.lastScores))
    <h2>Attempts</h2>
    \(table(report.attempts.map { ["\($0.number)", $0.started, $0.course, $0.message ?? ""] }))
    <h2>Ranks</h2>
    \(report.ranks.isEmpty ? "<p>Told when an attempt ends.</p>" : "<pre>\(escaped(rankTable(report.ranks).joined(separator: "\n")))</pre>")
    <h2>Configuration</h2>
    <details><summary>All keys, defaults included</summary><pre>\(escaped(configuration))</pre></details>
    """)
}

private func facts(_ report: RunReport, _ curves: RunCurves) -> [[String]] {
  var facts = [
    ["steps", "\(curves.lastStep) of \(report.totalSteps)"], ["core-hours", (report.coreSeconds / 3600).formatted(decimals: 2)],
  ]
  if let seconds = curves.meanSeconds { facts.append(["seconds a step, mean", seconds.formatted(decimals: 3)]) }
  let saves = report.saveSeconds.map { ", \($0.formatted(decimals: 2)) s each" } ?? ""
  facts.append(["checkpoints", "\(report.saves) saved\(saves), \(report.failedSaves) failed"])
  if let best = curves.best { facts.append(["best Dice", "\(best.dice.formatted(decimals: 4)) at step \(best.step)"]) }
  if let slow = report.slowestSteps.max(by: { $0.value < $1.value }), report.ranks.count > 1 {
    facts.append(["waited for most often", "rank \(slow.key), in \(counted(slow.value, "step"))"])
  }
  return facts
}

/// Rows of cells, the first of each a name.
private func table(_ rows: [[String]]) -> String {
  let lines = rows.map { row in
    "<tr>" + row.enumerated().map { "<td\($0.offset == 0 ? " class=\"name\"" : "")>\(escaped($0.element))</td>" }.joined()
      + "</tr>"
  }
  return "<table>" + lines.joined(separator: "\n") + "</table>"
}
