// metrics.jsonl: one JSON object a step and a validation, for plots and scripts. A run that continues drops the lines that it will
// write again. Beside it, the configuration with all defaults filled in.

import Cluster
import Foundation

/// Appends lines to the metrics file of a run folder (rank 0).
public final class MetricsLog {
  private let file: FileHandle
  private let encoder = JSONEncoder()

  /// - Parameter stepsDone: lines of later steps, left by an interrupted run, are removed.
  public init(_ configuration: RunConfiguration, stepsDone: Int) throws(TrainingError) {
    let path = configuration.output + "/metrics.jsonl"
    var kept = Data()
    if let old = try? String(contentsOfFile: path, encoding: .utf8) {
      for line in old.split(separator: "\n") where Self.step(of: line).map({ $0 <= stepsDone }) ?? false {
        kept += Data("\(line)\n".utf8)
      }
    }
    do {
      try Data(configuration.yaml.utf8).write(
        to: URL(fileURLWithPath: configuration.output + "/configuration.resolved.yaml"), options: .atomic)
      try kept.write(to: URL(fileURLWithPath: path), options: .atomic)
      file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
      try file.seekToEnd()
    } catch {
      throw TrainingError(
        "cannot write \(path) (\(error.localizedDescription)): check that the folder is writable and has space.", exitCode: 79)
    }
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
  }

  /// Appends one line; a full disk loses metrics, never the run.
  public func append(kind: String, step: Int, _ numbers: [String: Double]) {
    guard let line = try? encoder.encode(Line(kind: kind, step: step, numbers: numbers)) else { return }
    try? file.write(contentsOf: line + Data("\n".utf8))
  }

  private static func step(of line: Substring) -> Int? {
    (try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])?["step"] as? Int
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
