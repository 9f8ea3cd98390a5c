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

/// What a page shows.
private struct RunPage {
  let report: RunReport
  let curves: RunCurves
  let cases: CaseTable?
  let rounds: [ConfidenceRound]
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
    Reports.page(
      title: "Run \(report.run)", style: CasePage.style,
      ([mark] + warnings.map { "<p class=\"warning\">\(escaped($0))</p>" } + [table(facts), charts]
        + section("Cases", cases.map { CasePage($0).html } ?? casesMissing)
        + section("Last scores", curves.lastScores.isEmpty ? "" : table(curves.lastScores))
        + section("Rounds of the confidence schedule", rounds.isEmpty ? "" : ConfidenceFigure(rounds).svg)
        + section("Caveats", list(caveats)) + section("Warnings of the newest attempt", list(runWarnings(ofRun: report.run)))
        + section(
          "Attempts", table(report.attempts.map { ["\($0.number)", $0.started, $0.course, $0.message ?? ""] }, isText: true))
        + section("Ranks", ranks)
        + section(
          "Versions",
          folded("Libraries and checksums", table(report.versions.sorted { $0.key < $1.key }.map { [$0, $1] }, isText: true)))
        + section("Configuration", folded("All keys, defaults included", "<pre>\(escaped(configuration))</pre>")))
        .joined(separator: "\n"))
  }

  private var charts: String { "<div class=\"charts\">\(curves.charts.map(\.svg).joined(separator: "\n"))</div>" }

  private var configuration: String { (try? readText("\(report.run)/configuration.resolved.yaml")) ?? "" }

  private var casesMissing: String {
    curves.isHeldOut == nil ? "<p>No validation yet.</p>" : "<p>Whole volumes have not been scored yet (validation.patches).</p>"
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

  /// A bar for each rank over the table; of many ranks those that work longest.
  private var ranks: String {
    guard !report.ranks.isEmpty else { return "<p>Told after the first steps.</p>" }
    let shown = report.ranks.sorted { $0.load + $0.compute > $1.load + $1.compute }.prefix(16).sorted { $0.rank < $1.rank }
    let bars = StackedBars(
      title: "A step on each rank", xTitle: "rank", yTitle: "s", labels: shown.map { "\($0.rank)" },
      parts: [
        BarPart(name: "compute", color: "#1f6fb4", values: shown.map { max(0, $0.compute) }),
        BarPart(name: "load", color: "#e07b00", values: shown.map { max(0, $0.load) }),
        BarPart(name: "wait", color: "#9a9a9a", values: shown.map { max(0, $0.wait) }),
      ])
    return "<div class=\"charts\">\(bars.svg)</div>\n<pre>\(escaped(rankTable(report.ranks).joined(separator: "\n")))</pre>"
  }
}

/// A heading over its content; nothing without content.
private func section(_ title: String, _ content: String) -> [String] {
  content.isEmpty ? [] : ["<h2>\(escaped(title))</h2>", content]
}

private func folded(_ title: String, _ content: String) -> String {
  "<details><summary>\(escaped(title))</summary>\(content)</details>"
}

private func list(_ items: [String]) -> String {
  items.isEmpty ? "" : "<ul>" + items.map { "<li>\(escaped($0))</li>" }.joined() + "</ul>"
}

/// Rows of cells, the first of each a name.
/// - Parameter isText: whether the others are texts too, not numbers.
private func table(_ rows: [[String]], isText: Bool = false) -> String {
  let lines = rows.map { row in
    "<tr>"
      + row.enumerated().map { "<td\($0.offset == 0 || isText ? " class=\"name\"" : "")>\(escaped($0.element))</td>" }.joined()
      + "</tr>"
  }
  return "<table>" + lines.joined(separator: "\n") + "</table>"
}
