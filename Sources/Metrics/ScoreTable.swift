// The scores of many cases and classes, and their summary: mean and standard deviation over cases for each class, mean over classes. A class counts
// if it was declared or occurs in a reference; one that only predictions have counts where it was predicted, as what it is: wrong.

import Foundation
import Volumes

/// One class of one case, in which prediction or reference have it.
public struct ScoreRow: Codable, Hashable, Sendable {
  public var identifier: String
  public var label: Int
  public var score: CaseScore
}

/// Mean and sample standard deviation (divisor n−1) of a metric over the cases that count; nil where too few do.
public struct MetricSummary: Codable, Hashable, Sendable {
  public var mean: Double?
  public var standardDeviation: Double?
  public var count: Int

  init(_ values: [Double]) {
    count = values.count
    guard count > 0 else { return }
    let mean = values.reduce(0, +) / Double(count)
    self.mean = mean
    guard count > 1 else { return }
    standardDeviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count - 1)).squareRoot()
  }
}

/// A class over all cases.
public struct ClassSummary: Codable, Sendable {
  public var label: Int
  public var name: String
  public var dice, jaccard, surfaceDice, averageSurfaceDistance, averageSymmetricSurfaceDistance, hausdorff95,
    hausdorff: MetricSummary
  /// Cases in which only the prediction, only the reference, or both are empty.
  public var emptyPredictions, emptyReferences, emptyBoth: Int

  public subscript(metric: Metric) -> MetricSummary {
    switch metric {
    case .dice: dice
    case .jaccard: jaccard
    case .surfaceDice: surfaceDice
    case .averageSurfaceDistance: averageSurfaceDistance
    case .averageSymmetricSurfaceDistance: averageSymmetricSurfaceDistance
    case .hausdorff95: hausdorff95
    case .hausdorff: hausdorff
    }
  }

  /// Cases in which the class is looked for.
  var cases: Int
}

/// Scores of cases and classes.
public struct ScoreTable: Codable, Sendable {
  /// The declared names. Index = label value; 0 is background and is not scored.
  public let classNames: [String]
  public let policy: EmptyPolicy
  /// The unit of the distances, "mm" or "voxels".
  public let distanceUnit: String
  /// Of the surface Dice, in that unit.
  public let tolerance: Double
  /// The cases that were scored, in the order in which they came.
  public private(set) var cases: [String] = []
  /// What occurs in a case has a row; what neither prediction nor reference has is absent.
  public private(set) var rows: [ScoreRow] = []

  public init(classNames: [String] = [], policy: EmptyPolicy = .skip, distanceUnit: String = "mm", tolerance: Double = 1) {
    (self.classNames, self.policy, self.distanceUnit, self.tolerance) = (classNames, policy, distanceUnit, tolerance)
  }

  /// Adds the scores of every label that occurs in a case.
  /// - Parameter spacing: in millimetres, or 1 for distances in voxels.
  public mutating func add(_ identifier: String, _ comparisons: LabelComparison..., spacing: Spacing) {
    add(identifier, comparisons, spacing: spacing)
  }

  /// Adds the scores of a case whose labels are compared in parts.
  public mutating func add(_ identifier: String, _ comparisons: [LabelComparison], spacing: Spacing) {
    cases.append(identifier)
    for comparison in comparisons {
      for label in comparison.labels {
        rows.append(
          ScoreRow(
            identifier: identifier, label: Int(label), score: comparison.score(label, spacing: spacing, tolerance: tolerance)))
      }
    }
  }

  /// Adds the cases of another table, for instance those that another rank scored, and sorts all by name.
  public mutating func add(_ other: ScoreTable) {
    cases = (cases + other.cases).sorted()
    rows = (rows + other.rows).sorted { ($0.identifier, $0.label) < ($1.identifier, $1.label) }
  }

  /// The table of some of the cases.
  public func restricted(to names: Set<String>) -> ScoreTable {
    var part = self
    part.cases.removeAll { !names.contains($0) }
    part.rows.removeAll { !names.contains($0.identifier) }
    return part
  }

  /// The foreground classes that were declared or occur, in order of their labels.
  public var classes: [ClassSummary] {
    let expected = expectedLabels, scores = Dictionary(grouping: rows, by: \.label).mapValues { $0.map(\.score) }
    return expected.union(scores.keys).sorted().map { summary(of: $0, scores[$0] ?? [], isExpected: expected.contains($0)) }
  }

  /// The mean over classes of the class means; nil when no class has one.
  public func overall(_ metric: Metric) -> Double? { MetricSummary(classes.compactMap { $0[metric].mean }).mean }

  /// How many values are left out of a metric's means: classes of cases for which it is undefined.
  public func leftOut(_ metric: Metric) -> Int { classes.reduce(0) { $0 + $1.cases - $1[metric].count } }

  func name(of label: Int) -> String { label < classNames.count ? classNames[label] : "class \(label)" }

  /// The labels that are looked for in every case.
  var expectedLabels: Set<Int> {
    Set(1..<max(1, classNames.count)).union(rows.lazy.filter { $0.score.referenceVoxels > 0 }.map(\.label))
  }

  private func summary(of label: Int, _ scores: [CaseScore], isExpected: Bool) -> ClassSummary {
    let absent = isExpected ? cases.count - scores.count : 0
    func summary(_ metric: Metric) -> MetricSummary {
      let absence = metric.valueOfAbsence(policy: policy).map { [Double](repeating: $0, count: absent) } ?? []
      return MetricSummary(scores.compactMap { metric.value(of: $0, policy: policy) } + absence)
    }
    return ClassSummary(
      label: label, name: name(of: label), dice: summary(.dice), jaccard: summary(.jaccard),
      surfaceDice: summary(.surfaceDice), averageSurfaceDistance: summary(.averageSurfaceDistance),
      averageSymmetricSurfaceDistance: summary(.averageSymmetricSurfaceDistance), hausdorff95: summary(.hausdorff95),
      hausdorff: summary(.hausdorff),
      emptyPredictions: scores.count { $0.predictionVoxels == 0 }, emptyReferences: scores.count { $0.referenceVoxels == 0 },
      emptyBoth: absent, cases: scores.count + absent)
  }

  /// Rows, class summaries, overall means and how many values they leave out, as JSON text with sorted keys.
  public func json() -> String {
    struct Report: Encodable {
      var table: ScoreTable
      var classes: [ClassSummary]
      var overall: [String: Double]
      var leftOut: [String: Int]
    }
    let means = Metric.allCases.compactMap { metric in overall(metric).map { (metric.rawValue, $0) } }
    let undefined = Metric.allCases.map { ($0.rawValue, leftOut($0)) }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    let report = Report(
      table: self, classes: classes, overall: Dictionary(uniqueKeysWithValues: means),
      leftOut: Dictionary(uniqueKeysWithValues: undefined))
    guard let data = try? encoder.encode(report) else {
      fatalError("ScoreTable.json: a score is NaN or infinite, which JSON cannot hold; score with a finite spacing")
    }
    return String(decoding: data, as: UTF8.self)
  }
}
