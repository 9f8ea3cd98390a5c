// Scores by what the cases are: means of each phase and each vendor, and tables of values separated by commas for other programs.

import Foundation
import Volumes

/// The cases that share a property, as "phase" "late".
public struct ScoreGroup: Sendable {
  public let property, value: String
  public let table: ScoreTable
}

extension ScoreTable {
  /// All cases, those of each phase, of each vendor, and of each pair of both that occurs.
  /// - Parameter origins: of every case.
  public func groups(by origins: [String: CaseOrigin]) -> [ScoreGroup] {
    let properties: [(String, (CaseOrigin) -> String?)] = [
      ("phase", \.phase), ("vendor", \.vendor),
      ("phase and vendor", { origin in origin.phase.flatMap { phase in origin.vendor.map { "\(phase), \($0)" } } }),
    ]
    var groups = [ScoreGroup(property: "all", value: "", table: self)]
    for (property, value) in properties {
      let members = Dictionary(grouping: cases) { origins[$0].flatMap(value) ?? "" }.filter { !$0.key.isEmpty }
      groups += members.sorted { $0.key < $1.key }.map { value, names in
        ScoreGroup(property: property, value: value, table: restricted(to: Set(names)))
      }
    }
    return groups
  }

  /// A line for each case and class that prediction or reference has, or that is looked for; undefined values are empty.
  public func csv(origins: [String: CaseOrigin]) -> String {
    let scores = Dictionary(grouping: rows, by: \.identifier), expected = expectedLabels
    var lines = [
      ["case", "patient", "phase", "vendor", "label", "class"] + columns + [
        "predicted_voxels", "reference_voxels", "common_voxels",
      ]
    ]
    for identifier in cases {
      let origin = origins[identifier]
      for label in classes.map(\.label) {
        let score = scores[identifier]?.first { $0.label == label }?.score
        guard score != nil || expected.contains(label) else { continue }
        var line = [identifier, origin?.patient ?? "", origin?.phase ?? "", origin?.vendor ?? "", "\(label)", name(of: label)]
        for metric in Metric.allCases { line.append(field(score.flatMap { metric.value(of: $0, policy: .skip) })) }
        for count in [score?.predictionVoxels, score?.referenceVoxels, score?.bothVoxels] { line.append("\(count ?? 0)") }
        lines.append(line)
      }
    }
    return joined(lines)
  }

  fileprivate var columns: [String] { Metric.allCases.map(column) }

  /// The name of a column for programs.
  public func column(_ metric: Metric) -> String {
    switch unit(of: metric) {
    case let unit?: "\(metric.name)_\(unit.filter { $0 != " " })"
    case nil: metric.name
    }
  }
}

/// A line for each group and class, and for the mean over classes: how many cases, then mean and standard deviation of each metric.
public func groupCSV(_ groups: [ScoreGroup]) -> String {
  let columns = (groups.first?.table.columns ?? []).flatMap { ["\($0)_mean", "\($0)_std"] }
  return joined([["property", "value", "cases", "label", "class"] + columns] + groups.flatMap { $0.lines })
}

extension ScoreGroup {
  fileprivate var lines: [[String]] {
    let name = [property, value, "\(table.cases.count)"]
    var lines = table.classes.map { summary in
      var line = name + ["\(summary.label)", summary.name]
      for metric in Metric.allCases { line += [field(summary[metric].mean), field(summary[metric].standardDeviation)] }
      return line
    }
    var means = name + ["", "all classes"]
    for metric in Metric.allCases { means += [field(table.overall(metric)), ""] }
    lines.append(means)
    return lines
  }
}

/// A line for each group with the means over its cases and classes; a dash stands for an undefined value.
public func groupText(_ groups: [ScoreGroup]) -> String {
  let table = groups.first?.table ?? ScoreTable()
  var lines = [["means by", "", "cases"] + Metric.allCases.map(table.title)]
  for group in groups {
    var line = [group.property, group.value, "\(group.table.cases.count)"]
    for metric in Metric.allCases {
      line.append(group.table.overall(metric).map { String(format: metric.isDistance ? "%.2f" : "%.4f", $0) } ?? "-")
    }
    lines.append(line)
  }
  return aligned(lines)
}

func field(_ value: Double?) -> String { value.map { "\($0)" } ?? "" }

func joined(_ lines: [[String]]) -> String {
  lines.map { $0.map(DelimitedTable.quoted).joined(separator: ",") + "\n" }.joined()
}
