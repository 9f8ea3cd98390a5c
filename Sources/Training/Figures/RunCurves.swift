// The numbers of a run's metrics.jsonl as curves: steps are averaged in bins, so that a page of a million steps is as small as one of a thousand.

import Foundation
import Reports

/// What people see of metrics.jsonl: means of bins of steps, and every validation.
struct RunCurves {
  private(set) var stepCount = 0
  private(set) var best: (step: Int, dice: Double)?
  /// Steps and mean Dice of the validations.
  var dice: [ChartPoint] { scores["mean"] ?? [] }
  /// Whether cases that are held out were scored; nil before the first validation.
  private(set) var isHeldOut: Bool?
  /// What could not be read, a sentence; nil if nothing was damaged.
  private(set) var warning: String?
  private(set) var newestStep = 0
  /// Sums of each number of the steps, by bin.
  private var bins: [String: [Int: (sum: Double, count: Int)]] = [:]
  private var scores: [String: [ChartPoint]] = [:]
  private var seconds = 0.0
  private let width: Int

  private static let mostBins = 250

  /// - Parameter lastStep: the greatest step that will be taken up.
  init(lastStep: Int) { width = max(1, (lastStep + Self.mostBins - 1) / Self.mostBins) }

  /// Reads metrics.jsonl. Errors: a folder without steps.
  init(run: String) throws(TrainingError) {
    var last = 0
    _ = try MetricsFile.forEachLine(ofRun: run) { line in
      last = max(last, line.numbers["step"].flatMap { Int(exactly: $0) } ?? 0)
    }
    var curves = RunCurves(lastStep: last)
    curves.warning = try MetricsFile.forEachLine(ofRun: run) { curves.take($0) }
    self = curves
  }

  /// Takes up a line of metrics.jsonl.
  mutating func take(_ line: MetricsFile.Line) {
    guard let step = line.numbers["step"].flatMap({ Int(exactly: $0) }) else { return }
    newestStep = max(newestStep, step)
    if line.kind == "step" {
      stepCount += 1
      seconds += line.numbers["seconds"] ?? 0
      for (name, value) in line.numbers where name != "step" {
        let old = bins[name]?[step / width] ?? (0, 0)
        bins[name, default: [:]][step / width] = (old.sum + value, old.count + 1)
      }
    } else if let dice = line.numbers["dice"] {
      isHeldOut = line.kind == "validation"
      if best == nil || dice > best!.dice { best = (step, dice) }
      for (name, value) in line.numbers where name == "dice" || name.hasPrefix("dice.") {
        scores[name == "dice" ? "mean" : String(name.dropFirst(5)), default: []].append(ChartPoint(x: Double(step), y: value))
      }
    }
  }

  var meanSeconds: Double? { stepCount > 0 ? seconds / Double(stepCount) : nil }

  /// Names and values of the last validation.
  var lastScores: [[String]] {
    scores.keys.sorted().compactMap { name in scores[name]?.last.map { [name, $0.y.formatted(decimals: 4)] } }
  }

  // MARK: Charts

  /// The charts of a page.
  var charts: [Chart] {
    let terms = bins.keys.filter { $0.hasPrefix("weight.") }.map { String($0.dropFirst(7)) }.sorted()
    let known = Set(terms + ["loss", "rate", "slowestRank"])
    let own = bins.keys.filter { name in
      !known.contains(name) && !name.contains(".") && !name.hasSuffix("Seconds") && name != "seconds"
    }.sorted()
    return [
      lossChart(terms), scoreChart,
      chart("Weights of the losses", "weight", terms.map { ($0, points("weight." + $0)) }),
      chart("Gates, confidences and pseudo-labels: shares", "share", lines(own.filter(Self.isShare))),
      timeChart, rateChart,
      chart("Other numbers of the method", "", lines(own.filter { !Self.isShare($0) })),
    ].compactMap { $0 }
  }

  /// The charts of progress.png.
  var progress: [Chart] { [lossChart([]), scoreChart, timeChart, rateChart].compactMap { $0 } }

  private func lossChart(_ terms: [String]) -> Chart? {
    let title = terms.isEmpty ? "Loss" : "Loss, and its terms as they are weighted"
    return chart(title, "loss", lines(["loss"]) + terms.compactMap(weighted))
  }
  private var timeChart: Chart? { chart("Seconds of a step", "s", times.filter { !$0.points.isEmpty }) }
  private var rateChart: Chart? { chart("Learning rate", "rate", lines(["rate"])) }

  /// Whether a number of a method is a part of something, 0...1: what a gate lets through, what pseudo-labels cover, how sure somebody is.
  private static func isShare(_ name: String) -> Bool {
    ["Coverage", "Foreground", "foreground", "Voxels", "Crops", "Present", "confidence", "Share"].contains { name.hasSuffix($0) }
  }

  /// Steps and means of a number of the steps.
  func points(_ name: String, _ value: (Int, Double) -> Double? = { $1 }) -> [ChartPoint] {
    (bins[name] ?? [:]).sorted { $0.key < $1.key }.compactMap { bin, entry in
      value(bin, entry.sum / Double(entry.count)).map {
        ChartPoint(x: min(Double(newestStep), Double(bin * width) + Double(width - 1) / 2), y: $0)
      }
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
    let smoothed = scores["smoothed"] == nil ? [("moving mean", movingMean)].filter { $0.1.count > 2 } : []
    let curves = scores.sorted { ($0.key != "mean" ? 1 : 0, $0.key) < ($1.key != "mean" ? 1 : 0, $1.key) }.map {
      ($0.key, $0.value)
    }
    return chart("Dice", "Dice", curves + smoothed, style: .points)
  }

  /// The mean Dice smoothed as nnU-Net smooths it: nine parts of what was and one of what is.
  private var movingMean: [ChartPoint] {
    var mean: Double?
    return dice.map { point in
      mean = mean.map { 0.9 * $0 + 0.1 * point.y } ?? point.y
      return ChartPoint(x: point.x, y: mean!)
    }
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
