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
      ranks("load", "Mean time in which a rank loads volumes in a step.", \.load),
      ranks("compute", "Mean time in which a rank computes in a step.", \.compute),
      ranks("wait", "Mean time for which a rank waits in a step.", \.wait),
    ].joined()
  }

  func write(to path: String) throws(FileError) { try writeDurably(Array(text.utf8), to: path) }

  private func gauge(_ name: String, _ help: String, _ value: Double?) -> String {
    value.map { metric(name, help, [([("run", run)], $0)]) } ?? ""
  }

  private func ranks(_ what: String, _ help: String, _ value: (RankRow) -> Double) -> String {
    metric(
      "rank_\(what)_seconds", help, rows.map { ([("run", run), ("rank", String($0.rank)), ("host", $0.host)], value($0)) })
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
