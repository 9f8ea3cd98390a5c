// metrics.jsonl read back, for reports and measurements.

import Files
import Foundation

/// The lines of a run's metrics.jsonl. Lines that an interruption cut off are left out, and so is what is damaged.
public struct MetricsFile: Sendable {
  /// What is known of one step, or one validation.
  public struct Line: Sendable {
    /// `step`, or the kind of the validation.
    public let kind: String
    /// Every finite number by name, `step` among them.
    public let numbers: [String: Double]

    init(kind: String, numbers: [String: Double]) { (self.kind, self.numbers) = (kind, numbers) }

    /// A line as it is written.
    init(kind: String, step: Int, numbers: [String: Double]) {
      self.init(kind: kind, numbers: numbers.filter(\.value.isFinite).merging(["step": Double(step)]) { $1 })
    }
  }

  public private(set) var lines: [Line] = []
  /// What could not be read, a sentence; nil if nothing was damaged.
  public let warning: String?

  /// Reads the file of a run folder. Throws where there is none.
  public init(run: String) throws(TrainingError) {
    var lines: [Line] = []
    warning = try Self.forEachLine(ofRun: run) { lines.append($0) }
    self.lines = lines
  }

  /// The numbers of the steps, in their order.
  public var steps: [[String: Double]] { lines.filter { $0.kind == "step" }.map(\.numbers) }

  static func path(_ run: String) -> String { run + "/metrics.jsonl" }

  /// Calls `body` with each line, one after the other. Throws where there is no file.
  /// - Returns: what could not be read, a sentence.
  static func forEachLine(ofRun run: String, _ body: (Line) -> Void) throws(TrainingError) -> String? {
    let path = path(run)
    var damaged = 0, count = 0
    do throws(FileError) {
      try Files.forEachLine(of: path) { line in
        count += 1
        if let object = object(in: line), let kind = object["kind"] as? String {
          body(Line(kind: kind, numbers: object.compactMapValues { $0 as? Double }))
        } else if line.isEnded {
          damaged += 1
        }
      }
    } catch {
      guard count > 0 else { throw TrainingError("\(error) Name the folder of a run that has done some steps.") }
      return "\(path) cannot be read beyond line \(count): \(error)"
    }
    return damaged == 0 ? nil : "\(path) has \(counted(damaged, "line")) that cannot be read, which are left out."
  }

  /// The JSON object of a line; nil where there is none.
  static func object(in line: FileLine) -> [String: Any]? {
    guard line.isWhole else { return nil }
    return try? JSONSerialization.jsonObject(with: Data(line.bytes)) as? [String: Any]
  }
}
