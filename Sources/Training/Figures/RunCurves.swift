// The numbers of a run's metrics.jsonl as curves: steps are averaged in bins, so that a page of a million steps is as small as one of a thousand.

import Foundation
import Reports

/// What a page shows of metrics.jsonl.
struct RunCurves {
  private(set) var stepCount = 0, lastStep = 0
  private(set) var best: (step: Int, dice: Double)?
  /// Names and values of the last validation.
  private(set) var lastScores: [[String]] = []
  /// Which cases were scored.
  private(set) var scored = ""
  let warning: String?
  /// Sums of each number of the steps, by bin.
  private var bins: [String: [Int: (sum: Double, count: Int)]] = [:]
  private var scores: [String: [ChartPoint]] = [:]
  private var seconds = 0.0
  private let width: Int

  private static let mostBins = 250

  /// Errors: a folder without steps.
  init(run: String) throws(TrainingError) {
    var last = 0
    _ = try MetricsFile.forEachLine(ofRun: run) { line in last = max(last, line.numbers["step"].flatMap { Int(exactly: $0) } ?? 0)
    }
    width = max(1, (last + Self.mostBins - 1) / Self.mostBins)
    var lines = Reader(width: width)
    warning = try MetricsFile.forEachLine(ofRun: run) { lines.take($0) }
    (stepCount, lastStep, best, lastScores) = (lines.stepCount, last, lines.best, lines.lastScores)
    (scored, bins, scores, seconds) = (lines.scored, lines.bins, lines.scores, lines.seconds)
  }

  var meanSeconds: Double? { stepCount > 0 ? seconds / Double(stepCount) : nil }

  private struct Reader {
    let width: Int
    var stepCount = 0, seconds = 0.0, scored = ""
    var best: (step: Int, dice: Double)?
    var lastScores: [[String]] = []
    var bins: [String: [Int: (sum: Double, count: Int)]] = [:]
    var scores: [String: [ChartPoint]] = [:]

    init(width: Int) { self.width = width }

    mutating func take(_ line: MetricsFile.Line) {
      guard let step = line.numbers["step"].flatMap({ Int(exactly: $0) }) else { return }
      if line.kind == "step" {
        stepCount += 1
        seconds += line.numbers["seconds"] ?? 0
        for (name, value) in line.numbers where name != "step" {
          let old = bins[name]?[step / width] ?? (0, 0)
          bins[name, default: [:]][step / width] = (old.sum + value, old.count + 1)
        }
      } else if let dice = line.numbers["dice"] {
        let isHeldOut = line.kind == "validation"
        scored =
          isHeldOut ? "Dice of cases that are held out." : "Dice of the training cases: none are held out (validation.cases)."
        if best == nil || dice > best!.dice { best = (step, dice) }
        for (name, value) in line.numbers where name == "dice" || name.hasPrefix("dice.") {
          scores[name == "dice" ? "mean" : String(name.dropFirst(5)), default: []].append(ChartPoint(x: Double(step), y: value))
        }
        lastScores = scores.keys.sorted().compactMap { name in scores[name]?.last.map { [name, $0.y.formatted(decimals: 4)] } }
      }
    }
  }

  // MARK: Charts

  var charts: [Chart] {
    let terms = bins.keys.filter { $0.hasPrefix("weight.") }.map { String($0.dropFirst(7)) }.sorted()
    let known = Set(terms + ["loss", "rate", "slowestRank"])
    let own = bins.keys.filter { name in
      !known.contains(name) && !name.contains(".") && !name.hasSuffix("Seconds") && name != "seconds"
    }.sorted()
    return [
      chart("Loss, and its terms as they are weighted", "loss", lines(["loss"]) + terms.compactMap(weighted)),
      scoreChart,
      chart(
        "Seconds of a step", "s", times),
      chart("Learning rate", "rate", lines(["rate"])),
      chart("Other numbers of the method", "", lines(own)),
    ].compactMap { $0 }
  }

  private func points(_ name: String, _ value: (Int, Double) -> Double? = { $1 }) -> [ChartPoint] {
    (bins[name] ?? [:]).sorted { $0.key < $1.key }.compactMap { bin, entry in
      value(bin, entry.sum / Double(entry.count)).map { ChartPoint(x: (Double(bin) + 0.5) * Double(width), y: $0) }
    }
  }

  private func lines(_ names: [String]) -> [(name: String, points: [ChartPoint])] {
    names.map { ($0, points($0)) }.filter { !$0.points.isEmpty }
  }

  /// The whole step, and its parts.
  private var times: [(name: String, points: [ChartPoint])] {
    [("step", points("seconds"))] + ["compute", "load", "communication", "wait"].map { ($0, points($0 + "Seconds")) }
  }

  private func weighted(_ term: String) -> (name: String, points: [ChartPoint])? {
    let weights = bins["weight." + term] ?? [:]
    let found = points(term) { bin, value in weights[bin].map { value * $0.sum / Double($0.count) } }
    return found.isEmpty ? nil : (term, found)
  }

  private var scoreChart: Chart? {
    chart(
      "Dice", "Dice",
      scores.sorted { ($0.key != "mean" ? 1 : 0, $0.key) < ($1.key != "mean" ? 1 : 0, $1.key) }.map { ($0.key, $0.value) },
      style: .points)
  }

  private func chart(
    _ title: String, _ unit: String, _ curves: [(name: String, points: [ChartPoint])], style: ChartSeries.Style = .line
  ) -> Chart? {
    guard !curves.isEmpty else { return nil }
    let all = curves.flatMap(\.points)
    return Chart(
      title: title, x: ChartAxis("step", .linear, values: all.map(\.x), fromZero: true),
      y: ChartAxis(unit, .linear, values: all.map(\.y), fromZero: true),
      series: curves.prefix(14).enumerated().map { number, curve in
        ChartSeries(name: curve.name, color: Self.colors[number % Self.colors.count], style: style, points: curve.points)
      })
  }

  private static let colors = [
    "#1f6fb4", "#e07b00", "#3a9b5c", "#b03030", "#8e44ad", "#17a2a2", "#d9b400", "#5f5f5f", "#e377c2", "#7f4f24",
  ]
}
