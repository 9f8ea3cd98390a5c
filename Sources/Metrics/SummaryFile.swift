// Scores in the form of nnU-Net's summary.json (MIC-DKFZ/nnUNet, nnunetv2/evaluation/evaluate_predictions.py), so that programs that read it read ours.

import Foundation
import Volumes

/// The files of a case that was scored.
public struct ScoredFiles: Codable, Sendable {
  public let name, prediction, reference: String
  /// Voxels that count.
  public let voxels: Int

  public init(name: String, prediction: String, reference: String, voxels: Int) {
    (self.name, self.prediction, self.reference, self.voxels) = (name, prediction, reference, voxels)
  }
}

extension ScoreTable {
  /// JSON with sorted keys: counts, Dice and IoU of every class of every case, their means over cases, and the means of these over classes. What is
  /// undefined because neither map has the class is NaN, as Python writes it, and is left out of means.
  /// - Parameters:
  ///   - files: those of every case.
  ///   - regions: those that were scored, which are called by their labels; nil: classes.
  public func summaryJSON(of files: [ScoredFiles], regions: [LabelRegion]? = nil) -> String {
    func key(_ label: Int) -> String { summaryName(of: regions?[label - 1].labels ?? [label]) }
    let labels = classes.map(\.label), scores = Dictionary(grouping: rows, by: \.identifier)
    let cases = files.map { file in
      let found = Dictionary(uniqueKeysWithValues: (scores[file.name] ?? []).map { ($0.label, $0.score) })
      return SummaryCase(
        metrics: labels.map { (key($0), SummaryMetrics(found[$0], voxels: file.voxels)) }, prediction_file: file.prediction,
        reference_file: file.reference)
    }
    let means = labels.map { label in (key(label), mean(cases.map { $0.metrics[key(label)]!.values })) }
    let summary = Summary(
      foreground_mean: mean(means.map(\.1)), mean: Dictionary(uniqueKeysWithValues: means), metric_per_case: cases)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    // No path holds the character 0, so the text stands for the number alone.
    encoder.nonConformingFloatEncodingStrategy = .convertToString(positiveInfinity: "", negativeInfinity: "", nan: "\u{0}")
    guard let data = try? encoder.encode(summary) else {
      fatalError("summaryJSON: numbers and texts alone cannot fail to encode")
    }
    return String(decoding: data, as: UTF8.self).replacingOccurrences(of: "\"\\u0000\"", with: "NaN") + "\n"
  }
}

/// What summary.json calls a class, by its label, or a region, by its labels, as Python writes a tuple.
package func summaryName(of labels: [Int]) -> String {
  labels.count == 1 ? "\(labels[0])" : "(\(labels.sorted().map(String.init).joined(separator: ", ")))"
}

/// By the names of the metrics.
private typealias Means = [String: Double]

/// The means of the values that are numbers.
private func mean(_ values: [Means]) -> Means {
  Dictionary(
    uniqueKeysWithValues: SummaryMetrics.names.map { name in
      let numbers = values.compactMap { $0[name] }.filter { !$0.isNaN }
      return (name, numbers.isEmpty ? .nan : numbers.reduce(0, +) / Double(numbers.count))
    })
}

private struct Summary: Encodable {
  var foreground_mean: Means
  var mean: [String: Means]
  var metric_per_case: [SummaryCase]
}

private struct SummaryCase: Encodable {
  var metrics: [String: SummaryMetrics]
  var prediction_file, reference_file: String

  init(metrics: [(String, SummaryMetrics)], prediction_file: String, reference_file: String) {
    self.metrics = Dictionary(uniqueKeysWithValues: metrics)
    (self.prediction_file, self.reference_file) = (prediction_file, reference_file)
  }
}

/// One class of one case.
private struct SummaryMetrics: Encodable {
  static let names = ["Dice", "FN", "FP", "IoU", "TN", "TP", "n_pred", "n_ref"]
  let Dice, IoU: Double
  let FN, FP, TN, TP, n_pred, n_ref: Int

  /// - Parameter score: nil where neither map has the class.
  init(_ score: CaseScore?, voxels: Int) {
    (Dice, IoU) = (score?.dice ?? .nan, score?.jaccard ?? .nan)
    (n_pred, n_ref, TP) = (score?.predictionVoxels ?? 0, score?.referenceVoxels ?? 0, score?.bothVoxels ?? 0)
    (FN, FP) = (n_ref - TP, n_pred - TP)
    TN = voxels - TP - FN - FP
  }

  var values: Means {
    let counts = [FN, FP, TN, TP, n_pred, n_ref].map { Double($0) }
    return Dictionary(uniqueKeysWithValues: zip(["FN", "FP", "TN", "TP", "n_pred", "n_ref"], counts))
      .merging(["Dice": Dice, "IoU": IoU]) { $1 }
  }
}
