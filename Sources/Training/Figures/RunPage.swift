// `cohort report run --html`: the course of a run as one page that needs nothing else, also while the run goes on.

import Files
import Foundation
import Reports

/// Writes the page of a run: curves of losses, Dice, times and the method's own numbers, pictures of cases, attempts, ranks, configuration.
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
  let page = try RunPage(run: run)
  try writeDurably(Array(page.html.utf8), to: path)
  return "\(path): \(counted(page.curves.stepCount, "step")), \(counted(page.report.attempts.count, "attempt"))"
}

/// What tells the pages of this function from other files.
private let mark = "<!-- cohort report run -->"

/// What the template `run` shows.
private struct RunContent {
  let title, mark: String
  let warnings: [String]
  let facts: PageTable
  let charts: [String]
  let cases: CaseContent?
  /// Why there are none.
  let noCases: String?
  let lastScores: PageTable?
  let rounds: String?
  let caveats, runWarnings: [String]
  let attempts: PageTable
  let rankBars, rankTable: String?
  let versions: PageTable
  let configuration: String
}

/// A run as its page tells it.
private struct RunPage {
  let report: RunReport
  let curves: RunCurves
  private let cases: CaseTable?
  private let rounds: [ConfidenceRound]
  private let warnings: [String]

  /// Errors: no run folder, or one without steps.
  init(run: String) throws {
    (report, curves) = (try RunReport(run: run), try RunCurves(run: run))
    let casesPath = "\(run)/\(RunFigures.casesName)", isThere = FileManager.default.fileExists(atPath: casesPath)
    cases = (try? readAll(casesPath, atMost: 1 << 30)).flatMap { try? JSONDecoder().decode(CaseTable.self, from: Data($0)) }
    rounds = (try? ConfidenceFile.read(run: run)) ?? []
    warnings =
      report.warnings + [curves.warning].compactMap { $0 }
      + (isThere && cases == nil ? ["\(casesPath) cannot be read: the next validation writes it anew."] : [])
  }

  var html: String {
    page(
      .run,
      RunContent(
        title: "Run \(report.run)", mark: mark, warnings: warnings, facts: numbers(facts), charts: curves.charts.map(\.svg),
        cases: cases.map { CaseContent($0) }, noCases: cases == nil ? casesMissing : nil,
        lastScores: curves.lastScores.isEmpty ? nil : numbers(curves.lastScores),
        rounds: rounds.isEmpty ? nil : ConfidenceFigure(rounds).svg, caveats: caveats,
        runWarnings: runWarnings(ofRun: report.run),
        attempts: PageTable(
          report.attempts.map { ["\($0.number)", $0.started, $0.course, $0.message ?? ""].map { .name($0) } }),
        rankBars: rankBars, rankTable: report.ranks.isEmpty ? nil : rankTable(report.ranks).joined(separator: "\n"),
        versions: PageTable(report.versions.sorted { $0.key < $1.key }.map { [.name($0), .name($1)] }),
        configuration: (try? readText("\(report.run)/configuration.resolved.yaml")) ?? ""))
  }

  /// Rows of a name and numbers.
  private func numbers(_ rows: [[String]]) -> PageTable {
    PageTable(rows.map { row in row.enumerated().map { $0 == 0 ? .name($1) : .init($1) } })
  }

  private var casesMissing: String {
    curves.isHeldOut == nil ? "No validation yet." : "Whole volumes have not been scored yet (validation.patches)."
  }

  private var facts: [[String]] {
    var facts = [
      ["steps", "\(curves.newestStep) of \(report.totalSteps)"],
      ["core-hours", (report.coreSeconds / 3600).formatted(decimals: 2)],
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

  private var caveats: [String] {
    let fit = "No case is held out (validation.cases): the Dice is that of training cases, which the network has seen."
    let grid = "Dice is that of volumes as prepared; cohort evaluate scores predictions on the grid of their images."
    return (curves.isHeldOut == false ? [fit] : []) + [report.caveat].compactMap { $0 } + (curves.isHeldOut == nil ? [] : [grid])
  }

  /// A bar for each rank; of many ranks those that work longest. Nil before there are any.
  private var rankBars: String? {
    guard !report.ranks.isEmpty else { return nil }
    let shown = report.ranks.sorted { $0.load + $0.compute > $1.load + $1.compute }.prefix(16).sorted { $0.rank < $1.rank }
    return StackedBars(
      title: "A step on each rank", xTitle: "rank", yTitle: "s", labels: shown.map { "\($0.rank)" },
      parts: [
        BarPart(name: "compute", color: "#1f6fb4", values: shown.map { max(0, $0.compute) }),
        BarPart(name: "load", color: "#e07b00", values: shown.map { max(0, $0.load) }),
        BarPart(name: "wait", color: "#9a9a9a", values: shown.map { max(0, $0.wait) }),
      ]
    ).svg
  }
}
