// `cohort evaluate --quality`: estimates held against the truth, where there is one.

import Files
import Foundation
import Metrics
import Volumes

/// How well estimates of Dice fitted.
public struct QualityCheck: Sendable {
  /// Cases with an estimate and a reference.
  private let pairs: [(estimated: Double, isWithin: Bool, actual: Double)]
  /// Scored cases without an estimate.
  private let without: [String]

  /// - Parameter path: what `cohort predict --quality` wrote.
  /// Errors: another file; none of the scored cases in it.
  public init(_ path: String, against scores: ScoreTable) throws {
    guard QualityTable.isOwn(path) else {
      throw TrainingError("\(path) is no table of estimates: give the quality.csv that `cohort predict --quality` wrote.")
    }
    let table = try DelimitedTable(try readText(path, atMost: 1 << 30), path: path)
    var estimates: [String: [String: String]] = [:]
    for row in table.rows {
      let values = Dictionary(uniqueKeysWithValues: zip(table.columns, row.values))
      estimates[values["case"] ?? ""] = values
    }
    let actual = Dictionary(grouping: scores.rows, by: \.identifier).compactMapValues { Training.mean($0.map(\.score.dice)) }
    let found = scores.cases.map { name in
      let row = estimates[name], numbers = ["mean", "low", "high"].map { row?[$0].flatMap { Double($0) } }
      return (name: name, numbers: numbers, actual: actual[name])
    }
    pairs = found.compactMap { item in
      guard let mean = item.numbers[0], let low = item.numbers[1], let high = item.numbers[2], let actual = item.actual else {
        return nil
      }
      return (mean, low <= actual && actual <= high, actual)
    }
    without = found.filter { $0.numbers[0] == nil }.map(\.name)
    guard !pairs.isEmpty else {
      throw TrainingError("\(path) estimates none of the scored cases: give that of these predictions.")
    }
  }

  /// Mean absolute error, and Spearman's rank correlation; nil of fewer than three cases.
  public var error: Double { Training.mean(pairs.map { abs($0.estimated - $0.actual) })! }
  public var correlation: Double? { rankCorrelation(pairs.map(\.estimated), pairs.map(\.actual)) }

  public var text: String {
    let within = pairs.filter(\.isWithin).count
    let rank = correlation.map { "Spearman \($0.formatted(decimals: 3))" } ?? "too few cases for a rank correlation"
    let left = without.isEmpty ? "" : "; \(counted(without.count, "case")) without an estimate"
    return "estimated against true Dice of \(counted(pairs.count, "case")): mean absolute error \(error.formatted(decimals: 4)), "
      + "\(rank), \(within) within their interval\(left)"
  }
}
