// RUN/metrics.prom: where the run stands, for the textfile collector of Prometheus's node exporter, which a symbolic link leads
// to this file. The file is replaced in one step: a collector never reads half of it.

import Files
import Foundation

/// The gauges of a run; what is not known yet is left out.
package struct MetricsPage {
  /// The run folder, a label of every sample.
  package var run = ""
  package var step = 0
  package var totalSteps = 0
  package var loss: Double?
  /// The mean Dice of the last validation.
  package var dice: Double?
  /// Mean of the last steps, without validations and checkpoints.
  var secondsPerStep: Double?
  var samplesPerSecond: Double?
  /// The share of a step, 0...1, that the slowest rank spends in communication not hidden by computing.
  var exposedCommunication: Double?
  var checkpointStep: Int?
  /// Seconds.
  var checkpointAge: Double?
  var restarts = 0
  /// Means of the last steps.
  package var rows: [RankRow] = []

  package init() {}

  package var text: String {
    let slowest = rows.max { $0.load + $0.compute < $1.load + $1.compute }
    return [
      gauge("step", "Optimiser steps done.", Double(step)),
      gauge("planned_steps", "Optimiser steps of the whole run.", Double(totalSteps)),
      gauge("loss", "Training loss of the last step.", loss),
      gauge("validation_dice", "Mean Dice of the last validation.", dice),
      gauge("step_seconds", "Mean duration of the last steps.", secondsPerStep),
      gauge("samples_per_second", "Volume crops trained on in a second.", samplesPerSecond),
      gauge("exposed_communication_ratio", "Part of a step that the slowest rank spends on communication.", exposedCommunication),
      gauge("checkpoint_step", "Step of the last checkpoint.", checkpointStep.map(Double.init)),
      gauge("checkpoint_age_seconds", "Time since the last checkpoint of this attempt.", checkpointAge),
      gauge("restarts", "Earlier starts of this run.", Double(restarts)),
      gauge("slowest_rank", "Rank that works longest on a step.", slowest.map { Double($0.rank) }),
      ranks("lanes", "Micro-batches of a rank in each step.") { Double($0.lanes) },
      ranks("load_seconds", "Mean time in which a rank loads volumes in a step.", \.load),
      ranks("compute_seconds", "Mean time in which a rank computes in a step.", \.compute),
      ranks("wait_seconds", "Mean time for which a rank waits in a step.", \.wait),
    ].joined()
  }

  static func path(_ run: String) -> String { run + "/metrics.prom" }

  func write(to path: String) throws(FileError) { try writeDurably(Array(text.utf8), to: path) }

  /// The rows of a run's page as it was written last, in the order of ranks; empty where there is none.
  static func rows(ofRun run: String) -> [RankRow] {
    var values: [Int: (host: String, numbers: [String: Double])] = [:]
    for line in ((try? readText(path(run), atMost: 16 << 20)) ?? "").split(separator: "\n") {
      guard let found = line.firstMatch(of: /^cohort_rank_([a-z]+)[a-z_]*\{.*rank="([0-9]+)",host="(.*)"\} (.+)$/),
        let rank = Int(found.output.2), let value = Double(found.output.4), value.isFinite
      else { continue }
      values[rank, default: (String(found.output.3), [:])].numbers[String(found.output.1)] = value
    }
    return values.sorted { $0.key < $1.key }.map { rank, row in
      RankRow(
        rank: rank, host: row.host, lanes: Int(exactly: row.numbers["lanes"] ?? 0) ?? 0, load: row.numbers["load"] ?? 0,
        compute: row.numbers["compute"] ?? 0, wait: row.numbers["wait"] ?? 0)
    }
  }

  private func gauge(_ name: String, _ help: String, _ value: Double?) -> String {
    value.map { metric(name, help, [([("run", run)], $0)]) } ?? ""
  }

  private func ranks(_ what: String, _ help: String, _ value: (RankRow) -> Double) -> String {
    metric(
      "rank_\(what)", help, rows.map { ([("run", run), ("rank", String($0.rank)), ("host", $0.host)], value($0)) })
  }

  /// A metric with all of its samples; nothing without samples.
  private func metric(_ name: String, _ help: String, _ samples: [(labels: [(String, String)], value: Double)]) -> String {
    guard !samples.isEmpty else { return "" }
    let name = "cohort_" + name
    let lines = samples.map { labels, value in
      "\(name){\(labels.map { "\($0)=\"\(escaped($1))\"" }.joined(separator: ","))} \(number(value))\n"
    }
    return "# HELP \(name) \(help)\n# TYPE \(name) gauge\n" + lines.joined()
  }

  private func escaped(_ value: String) -> String {
    value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
  }

  private func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    return value.isInfinite ? (value > 0 ? "+Inf" : "-Inf") : "\(value)"
  }
}
