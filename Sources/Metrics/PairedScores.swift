// Two sets of predictions of the same cases: by how much one scores better, and whether that may be chance.

import Foundation

/// A metric of one class, or of all, in the cases that two tables share.
public struct PairedScores: Codable, Sendable {
  public let metric: Metric
  /// The name of the class, or "all classes": the mean of each case.
  public let name: String
  public let cases: Int
  /// Means over the cases.
  public let own, other: Double
  /// The mean of the differences, own less other.
  public let difference: Double
  public let test: SignedRank

  /// - Parameter pairs: of each case, own and other; nil without any.
  init?(_ metric: Metric, _ name: String, _ pairs: [(own: Double, other: Double)]) {
    guard let test = SignedRank(pairs.map { $0.own - $0.other }) else { return nil }
    func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
    (self.metric, self.name, self.test, cases) = (metric, name, test, pairs.count)
    (own, other) = (mean(pairs.map(\.own)), mean(pairs.map(\.other)))
    difference = own - other
  }
}

extension ScoreTable {
  /// Every metric of every class in which both tables have a value for the same case, and of all classes.
  public func paired(with other: ScoreTable) -> [PairedScores] {
    let shared = cases.filter(Set(other.cases).contains), labels = Set((classes + other.classes).map(\.label)).sorted()
    return Metric.allCases.flatMap { metric in
      let own = values(metric, labels), others = other.values(metric, labels)
      let pairs = labels.map { label in
        shared.compactMap { name in own[name]?[label].flatMap { value in others[name]?[label].map { (own: value, other: $0) } } }
      }
      let means = shared.compactMap { name -> (own: Double, other: Double)? in
        let both = labels.filter { own[name]?[$0] != nil && others[name]?[$0] != nil }
        guard !both.isEmpty else { return nil }
        func mean(_ values: [Int: Double]?) -> Double { both.reduce(0) { $0 + values![$1]! } / Double(both.count) }
        return (mean(own[name]), mean(others[name]))
      }
      let rows = zip(labels, pairs).compactMap { PairedScores(metric, self.name(of: $0), $1) }
      return rows + (labels.count > 1 ? [PairedScores(metric, "all classes", means)].compactMap { $0 } : [])
    }
  }

  /// By case and label, as they count in means.
  private func values(_ metric: Metric, _ labels: [Int]) -> [String: [Int: Double]] {
    let scores = Dictionary(grouping: rows, by: \.identifier), expected = expectedLabels
    return Dictionary(
      uniqueKeysWithValues: cases.map { name in
        let found = Dictionary(uniqueKeysWithValues: (scores[name] ?? []).map { ($0.label, $0.score) })
        let values = labels.compactMap { label -> (Int, Double)? in
          let value =
            found[label].map { metric.value(of: $0, policy: policy) }
            ?? (expected.contains(label) ? metric.valueOfAbsence(policy: policy) : nil)
          return value.map { (label, $0) }
        }
        return (name, Dictionary(uniqueKeysWithValues: values))
      })
  }
}

/// A line for each class of each metric; a dash stands for an interval that so few cases do not allow.
public func pairedText(_ scores: [PairedScores], title: (Metric) -> String) -> String {
  let head = ["metric", "class", "cases", "mean", "other", "difference", "middle", "95 % interval", "p"]
  let rows = scores.map { score in
    let decimals = score.metric.isDistance ? "%.2f" : "%.4f", signed = score.metric.isDistance ? "%+.2f" : "%+.4f"
    func text(_ value: Double, _ format: String) -> String { String(format: format, value) }
    let interval = score.test.interval.map { "\(text($0.lowerBound, signed)) to \(text($0.upperBound, signed))" }
    return [
      title(score.metric), score.name, "\(score.cases)", text(score.own, decimals), text(score.other, decimals),
      text(score.difference, signed), text(score.test.middle, signed), interval ?? "-", text(score.test.p, "%.2g"),
    ]
  }
  return aligned([head] + rows)
    + "Differences of the same cases, these less the other. Middle and interval: Hodges and Lehmann; p: Wilcoxon's signed ranks, two-sided.\n"
}

/// The same for other programs.
public func pairedCSV(_ scores: [PairedScores], title: (Metric) -> String) -> String {
  let head = ["metric", "class", "cases", "mean", "other_mean", "difference", "middle", "lower", "upper", "p"]
  return joined(
    [head]
      + scores.map { score in
        let numbers = [score.own, score.other, score.difference, score.test.middle].map { "\($0)" }
        let interval = [score.test.interval?.lowerBound, score.test.interval?.upperBound].map(field)
        return [title(score.metric), score.name, "\(score.cases)"] + numbers + interval + ["\(score.test.p)"]
      })
}
