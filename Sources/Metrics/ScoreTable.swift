// The scores of many cases and classes, and their summary: mean and standard deviation over cases for each class, mean over classes.

import Foundation
import Volumes

/// One class of one case.
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
  public var dice, jaccard, averageSurfaceDistance, hausdorff95: MetricSummary
  /// Cases in which only the prediction, only the reference, or both are empty.
  public var emptyPredictions, emptyReferences, emptyBoth: Int

  public subscript(metric: Metric) -> MetricSummary {
    switch metric {
    case .dice: dice
    case .jaccard: jaccard
    case .averageSurfaceDistance: averageSurfaceDistance
    case .hausdorff95: hausdorff95
    }
  }
}

/// Scores of cases and classes.
public struct ScoreTable: Codable, Sendable {
  /// Index = label value; 0 is background and is not scored.
  public var classNames: [String]
  public var policy: EmptyPolicy
  /// The unit of the distances, "mm" or "voxels".
  public var distanceUnit: String
  public private(set) var rows: [ScoreRow] = []

  public init(classNames: [String], policy: EmptyPolicy = .skip, distanceUnit: String = "mm") {
    (self.classNames, self.policy, self.distanceUnit) = (classNames, policy, distanceUnit)
  }

  public mutating func add(_ identifier: String, label: Int, score: CaseScore) {
    guard (1..<classNames.count).contains(label) else {
      fatalError(
        "ScoreTable.add: label \(label) is not one of the \(classNames.count - 1) foreground classes; add its name to the table")
    }
    rows.append(ScoreRow(identifier: identifier, label: label, score: score))
  }

  /// Scores every foreground class of a case. Both arrays are [D, H, W] = `extent`; `spacing` in millimetres, or 1 for voxels.
  public mutating func add(_ identifier: String, prediction: [UInt8], reference: [UInt8], extent: Extent, spacing: Spacing) {
    for label in 1..<classNames.count {
      let result = score(prediction: prediction, reference: reference, extent: extent, spacing: spacing, label: UInt8(label))
      add(identifier, label: label, score: result)
    }
  }

  /// Adds the rows of another table, for instance those that another rank scored.
  public mutating func add(_ other: ScoreTable) { rows += other.rows }

  /// The foreground classes in order of their labels.
  public var classes: [ClassSummary] {
    (1..<classNames.count).map { label in
      let scores = rows.filter { $0.label == label }.map(\.score)
      func summary(_ metric: Metric) -> MetricSummary {
        MetricSummary(scores.compactMap { metric.value(of: $0, policy: policy) })
      }
      return ClassSummary(
        label: label, name: classNames[label], dice: summary(.dice), jaccard: summary(.jaccard),
        averageSurfaceDistance: summary(.averageSurfaceDistance), hausdorff95: summary(.hausdorff95),
        emptyPredictions: scores.count { $0.predictionVoxels == 0 && $0.referenceVoxels > 0 },
        emptyReferences: scores.count { $0.predictionVoxels > 0 && $0.referenceVoxels == 0 },
        emptyBoth: scores.count { $0.predictionVoxels == 0 && $0.referenceVoxels == 0 })
    }
  }

  /// The mean over classes of the class means; nil when no class has one.
  public func overall(_ metric: Metric) -> Double? { MetricSummary(classes.compactMap { $0[metric].mean }).mean }

  /// Rows, class summaries and overall means as JSON text with sorted keys.
  public func json() -> String {
    struct Report: Encodable {
      var table: ScoreTable
      var classes: [ClassSummary]
      var overall: [String: Double]
    }
    let means = Metric.allCases.compactMap { metric in overall(metric).map { (metric.rawValue, $0) } }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    let report = Report(table: self, classes: classes, overall: Dictionary(uniqueKeysWithValues: means))
    guard let data = try? encoder.encode(report) else {
      fatalError("ScoreTable.json: a score is NaN or infinite, which JSON cannot hold; score with a finite spacing")
    }
    return String(decoding: data, as: UTF8.self)
  }
}
