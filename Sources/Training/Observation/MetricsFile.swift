// metrics.jsonl read back, for reports and measurements.

import Files
import Foundation

/// The lines of a run's metrics.jsonl. Lines that an interruption cut off are left out.
public struct MetricsFile: Sendable {
  /// What is known of one step, or one validation.
  public struct Line: Sendable {
    /// `step`, or the kind of the validation.
    public let kind: String
    /// Every finite number by name, `step` among them.
    public let numbers: [String: Double]
  }

  public let lines: [Line]

  /// Reads the file of a run folder. Throws where there is none.
  public init(run: String) throws(TrainingError) {
    let path = run + "/metrics.jsonl"
    let text: String
    do { text = try readText(path) } catch {
      throw TrainingError("\(error) Name the folder of a run that has done some steps.")
    }
    lines = text.split(separator: "\n").compactMap { line in
      let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      return (object?["kind"] as? String).map { Line(kind: $0, numbers: object!.compactMapValues { $0 as? Double }) }
    }
  }

  /// The numbers of the steps, in their order.
  public var steps: [[String: Double]] { lines.filter { $0.kind == "step" }.map(\.numbers) }
}
