// metrics.jsonl: one JSON object a step and a validation, for plots and scripts. A run that continues drops the lines that it will
// write again. Beside it, the configuration with all defaults filled in.

import Cluster
import Files
import Foundation

/// Appends lines to the metrics file of a run folder (rank 0).
public final class MetricsLog {
  private let file: LineFile
  private let encoder = JSONEncoder()
  /// What is drawn of the lines; nil in tests and measurements.
  var figures: RunFigures?

  /// - Parameters:
  ///   - stepsDone: lines of later steps, left by an interrupted run, are removed.
  ///   - warn: gets a sentence if the file is damaged.
  public init(
    _ configuration: RunConfiguration, stepsDone: Int, warn: (String) -> Void = { _ in }
  ) throws(TrainingError) {
    do throws(FileError) {
      try writeDurably(Array(configuration.yaml.utf8), to: configuration.output + "/configuration.resolved.yaml")
      let path = MetricsFile.path(configuration.output)
      try MetricsHistory(path).keep(steps: stepsDone, warn: warn)
      file = try LineFile(path)
    } catch { throw TrainingError(error.description, exitCode: ExitCode.storage.rawValue) }
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
  }

  /// Appends one line; a full disk loses metrics, never the run.
  public func append(kind: String, step: Int, _ numbers: [String: Double]) {
    figures?.append(kind: kind, step: step, numbers)
    guard let line = try? encoder.encode(Line(kind: kind, step: step, numbers: numbers)) else { return }
    file.append(String(decoding: line, as: UTF8.self))
  }

  private struct Line: Encodable {
    let kind: String
    let step: Int
    let numbers: [String: Double]

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: Key.self)
      try container.encode(kind, forKey: Key(stringValue: "kind"))
      try container.encode(step, forKey: Key(stringValue: "step"))
      for (name, value) in numbers { try container.encode(value, forKey: Key(stringValue: name)) }
    }

    struct Key: CodingKey {
      let stringValue: String
      var intValue: Int? { nil }
      init(stringValue: String) { self.stringValue = stringValue }
      init?(intValue: Int) { nil }
    }
  }
}

extension ControlSummary {
  /// The parts of a step's time, seconds, for metrics.jsonl: of the slowest rank's work, and of the other times the mean over
  /// ranks. Beside the whole step's `seconds` the only numbers there that differ from run to run.
  var timings: [String: Double] {
    func mean(_ time: (RankSeconds) -> Double) -> Double { times.reduce(0) { $0 + time($1) } / Double(times.count) }
    return [
      "computeSeconds": times[slowestRank].work, "meanComputeSeconds": mean(\.work), "loadSeconds": times[slowestRank].load,
      "slowestRank": Double(slowestRank),
      "communicationSeconds": mean(\.communication.communication), "exposedSeconds": mean(\.communication.exposed),
      "waitSeconds": mean(\.communication.waited),
    ]
  }
}
