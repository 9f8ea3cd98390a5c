// A comparison written down: Markdown, CSV, and one HTML page that needs nothing else.

import Foundation
import Reports
import Scaling
import Training

extension MethodTable {
  private static let heads = [
    "labels", "method", "sets", "cases", "Dice %", "deviation over sets", "above", "95 % interval", "core-hours a run",
  ]

  private var heads: [String] { Self.heads.map { $0 == "above" ? "above \(study.reference.title)" : $0 } }

  private func cells(_ row: MethodRow) -> [String] {
    func points(_ value: Double, sign: Bool = false) -> String { String(format: sign ? "%+.2f" : "%.2f", 100 * value) }
    return [
      "\(row.labels)", row.method, "\(row.sets)", "\(row.cases)", points(row.mean), row.deviation.map { points($0) } ?? "",
      row.difference.map { points($0.value, sign: true) } ?? "",
      row.difference.map { "\(points($0.low, sign: true)) to \(points($0.high, sign: true))" } ?? "",
      String(format: "%.3f", row.coreHours),
    ]
  }

  /// What the numbers are, in sentences.
  var notes: [String] {
    let steps = Set(results.map(\.steps)).sorted().map(String.init).joined(separator: ", ")
    var notes = [
      "Dice of the last checkpoint (\(steps) steps) on the \(study.subject.rawValue) cases, which trained nothing and chose nothing: the mean over a case's "
        + "classes, then over cases, on the prepared grid. A labelled set is drawn by its seed, which is also the run's; of one seed "
        + "all methods have the same set.",
      "Differences are paired over sets and cases; their intervals come from 2000 draws of both. Of fewer than five sets the interval knows little about "
        + "how sets differ, of one set nothing.",
    ]
    let missing = study.runs.count - results.count
    if missing > 0 { notes.append("\(missing) of \(study.runs.count) runs are missing: the same command goes on.") }
    return notes
  }

  private var settings: String { study.overrides.isEmpty ? "none besides the defaults" : study.overrides.joined(separator: " ") }

  var markdown: String {
    func line(_ cells: [String]) -> String {
      "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |\n"
    }
    let body = line(heads) + line(heads.map { _ in "---" }) + rows.map { line(cells($0)) }.joined()
    let published = publishedResults.map { group in
      "\(group.facts)\n\n" + line(["method", "Dice %"]) + line(["---", "---"])
        + group.dice.map { line([$0.method, $0.text]) }.joined()
    }
    return
      "# Methods on \(study.data)\n\n\(body)\n\(notes.joined(separator: "\n\n"))\n\nSettings: \(settings).\n\n## Published numbers\n\n\(publishedNote)\n\n"
      + published.joined(separator: "\n")
  }

  var csv: String {
    func number(_ value: Double?) -> String { value.map { "\($0)" } ?? "" }
    let heads = "labels,method,sets,cases,dice,deviation,difference,difference.low,difference.high,coreHours\n"
    return heads
      + rows.map { row in
        "\(row.labels),\(quotedCell(row.method)),\(row.sets),\(row.cases),\(row.mean),\(number(row.deviation)),\(number(row.difference?.value)),"
          + "\(number(row.difference?.low)),\(number(row.difference?.high)),\(row.coreHours)\n"
      }.joined()
  }

  /// One line for each run and case.
  var scoresCSV: String {
    let names = results.first?.classes ?? []
    return (["labels", "method", "seed", "case"] + names.map(quotedCell)).joined(separator: ",") + "\n"
      + results.flatMap { result in
        zip(result.cases, result.dice).map { identifier, scores in
          (["\(result.labels)", quotedCell(result.method), "\(result.seed)", quotedCell(identifier)]
            + scores.map { $0.map { "\($0)" } ?? "" })
            .joined(separator: ",") + "\n"
        }
      }.joined()
  }

  private func quotedCell(_ text: String) -> String {
    text.contains { ",\"\n".contains($0) } ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
  }

  /// Methods in the order asked for, each in its colour.
  private static let colors = ["#5f5f5f", "#1f6fb4", "#e07b00", "#3a9b5c", "#b03030", "#8e44ad", "#d9b400", "#17a2a2"]

  private var chart: String {
    let series = study.methods.enumerated().map { number, method in
      let points = rows.filter { $0.method == method.title }.map { row in
        let spread = 100 * (row.deviation ?? 0), middle = 100 * row.mean
        return ChartPoint(x: Double(row.labels), y: middle, interval: middle - spread...middle + spread)
      }
      return ChartSeries(name: method.title, color: Self.colors[number % Self.colors.count], style: .points, points: points)
    }.filter { !$0.points.isEmpty }
    let points = series.flatMap(\.points)
    return Chart(
      title: "Dice by labelled volumes (bars: deviation over sets)",
      x: ChartAxis("labelled volumes", .logarithmic, values: points.map(\.x)),
      y: ChartAxis("Dice, %", .linear, values: points.flatMap { [$0.interval!.lowerBound, $0.interval!.upperBound] }),
      series: series
    ).svg
  }

  var html: String {
    page(
      .methods,
      MethodsContent(
        title: "Methods on \(study.data)", chart: chart, table: Self.table(heads, rows.map(cells)), notes: notes,
        settings: settings, publishedNote: publishedNote,
        published: publishedResults.map {
          .init(facts: $0.facts, table: Self.table(["method", "Dice %"], $0.dice.map { [$0.method, $0.text] }))
        }))
  }

  /// Texts that begin with a letter are names.
  private static func table(_ heads: [String], _ lines: [[String]]) -> PageTable {
    func cells(_ texts: [String]) -> [PageTable.Cell] { texts.map { $0.first?.isLetter == true ? .name($0) : .init($0) } }
    return PageTable(heads: cells(heads), lines.map(cells))
  }
}

/// What the template `methods` shows.
private struct MethodsContent {
  struct Group {
    let facts: String
    let table: PageTable
  }

  let title, chart: String
  let table: PageTable
  let notes: [String]
  let settings, publishedNote: String
  let published: [Group]
}
