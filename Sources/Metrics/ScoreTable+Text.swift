// The score table as text for a terminal or a log: a row for each case and class, then the summary.

import Foundation

extension ScoreTable {
  /// Aligned columns; a dash stands for an undefined value.
  public func text() -> String {
    var lines = [["case", "class"] + Metric.allCases.map(title)]
    let scores = Dictionary(grouping: rows, by: \.identifier), summaries = classes, expected = expectedLabels
    for identifier in cases {
      for label in summaries.map(\.label) {
        let score = scores[identifier]?.first { $0.label == label }?.score
        guard score != nil || expected.contains(label) else { continue }
        // Rows show what was measured; the policy only acts on averages.
        let values = Metric.allCases.map { metric in format(score.flatMap { metric.value(of: $0, policy: .skip) }, metric) }
        lines.append([identifier, name(of: label)] + values)
      }
    }
    for summary in summaries {
      lines.append(["mean ± std", summary.name] + Metric.allCases.map { format(summary[$0], $0) })
    }
    lines.append(["mean", "all classes"] + Metric.allCases.map { format(overall($0), $0) })
    return aligned(lines) + emptyNote
  }

  /// The name of a metric with its unit, or, of the surface Dice, with its tolerance.
  public func title(_ metric: Metric) -> String { unit(of: metric).map { "\(metric.name) (\($0))" } ?? metric.name }

  func unit(of metric: Metric) -> String? {
    if metric == .surfaceDice { return String(format: "%g ", tolerance) + distanceUnit }
    return metric.isDistance ? distanceUnit : nil
  }

  private var emptyNote: String {
    let all = classes
    let (prediction, reference, both) = (
      all.reduce(0) { $0 + $1.emptyPredictions }, all.reduce(0) { $0 + $1.emptyReferences }, all.reduce(0) { $0 + $1.emptyBoth }
    )
    let overlaps = leftOut(.dice), distances = leftOut(.hausdorff95)
    return
      "Empty masks in \(prediction + reference + both) of \(all.reduce(0) { $0 + $1.cases }) rows (only the prediction \(prediction), "
      + "only the reference \(reference), both \(both)). Left out of the means (--empty \(policy.rawValue)): "
      + "Dice, Jaccard and NSD of \(overlaps) rows, distances of \(distances).\n"
  }

  private func format(_ value: Double?, _ metric: Metric) -> String {
    value.map { String(format: metric.isDistance ? "%.2f" : "%.4f", $0) } ?? "-"
  }

  private func format(_ summary: MetricSummary, _ metric: Metric) -> String {
    guard let standardDeviation = summary.standardDeviation else { return format(summary.mean, metric) }
    return "\(format(summary.mean, metric)) ± \(format(standardDeviation, metric))"
  }
}

/// Aligned columns: the first two are text, to the left, the others numbers, to the right.
func aligned(_ lines: [[String]]) -> String {
  let widths = lines[0].indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
  return lines.map { line in
    let cells = line.enumerated().map { column, cell in
      let padding = String(repeating: " ", count: widths[column] - cell.count)
      return column < 2 ? cell + padding : padding + cell
    }
    return cells.joined(separator: "  ") + "\n"
  }.joined()
}
