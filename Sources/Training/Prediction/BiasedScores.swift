// The scores of a network under several bias fields: put together from all ranks, and printed as one row for each field.

import Foundation
import MPI
import Metrics

/// The scores of a network under one setting.
public struct BiasedScores: Sendable, Codable {
  public let setting: BiasSetting
  public var table: ScoreTable

  /// Means over cases, then over classes; for JSON.
  public struct Summary: Sendable, Encodable {
    public let setting: BiasSetting
    public let overall: [String: Double]
    public let classes: [ClassSummary]
    /// Values that the means of each metric leave out.
    public let leftOut: [String: Int]
    public let table: ScoreTable
  }

  public var summary: Summary {
    let means = Metric.allCases.compactMap { metric in table.overall(metric).map { (metric.rawValue, $0) } }
    let leftOut = Metric.allCases.map { ($0.rawValue, table.leftOut($0)) }
    return Summary(
      setting: setting, overall: Dictionary(uniqueKeysWithValues: means), classes: table.classes,
      leftOut: Dictionary(uniqueKeysWithValues: leftOut), table: table)
  }
}

/// The scores of all ranks, on every rank, in the order of the cases' names. Collective; all ranks have the same settings.
func joined(_ scores: [BiasedScores], over world: borrowing Communicator) throws -> [BiasedScores] {
  let all = try gathered(scores, over: world)
  return scores.indices.map { index in
    stride(from: index, to: all.count, by: scores.count).dropFirst().reduce(into: all[index]) { $0.table.add(all[$1].table) }
  }
}

/// A row for each setting with the means over classes and cases; a dash stands for an undefined value.
public func biasTable(_ scores: [BiasedScores]) -> String {
  let table = scores.first?.table ?? ScoreTable()
  let head = ["alphaM", "alphaA"] + Metric.allCases.map(table.title)
  let rows = scores.map { scores in
    [scores.setting.multiplicative, scores.setting.additive].map { "\($0)" }
      + Metric.allCases.map { metric in
        scores.table.overall(metric).map { String(format: metric.isDistance ? "%.2f" : "%.4f", $0) } ?? "-"
      }
  }
  let widths = head.indices.map { column in ([head] + rows).map { $0[column].count }.max()! }
  let lines = ([head] + rows).map { row in
    zip(row, widths).map { String(repeating: " ", count: $1 - $0.count) + $0 }.joined(separator: "  ")
  }
  let leftOut = scores.map { $0.table.leftOut(.dice) }.max() ?? 0
  return
    (lines + [
      "Means over \(table.cases.count) cases and \(table.classes.count) classes. Dice, Jaccard and NSD leave out up to \(leftOut) "
        + "classes of cases that neither prediction nor reference has."
    ]).joined(separator: "\n")
}
