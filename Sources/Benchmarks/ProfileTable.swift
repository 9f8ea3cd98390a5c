// A profile as a table: seconds of a step by operation and pass, how fast that is, and what the machine would allow.

import Foundation
import Tensors

public struct ProfileTable: Encodable, Sendable {
  /// All calls of one operation in one pass, or those with the same shapes; numbers are those of one step.
  public struct Row: Encodable, Sendable {
    public let operation: String
    /// Inputs > output; nil for all shapes together.
    public let shapes: String?
    public let pass: Profile.Pass
    public var calls = 0.0
    public var seconds = 0.0
    /// Of the step, 0 to 1.
    public var share = 0.0
    /// 10⁹ floating-point operations; 0 for what only moves memory.
    public var gflop = 0.0
    /// 10⁹ bytes of inputs, parameters and outputs, each touched once.
    public var gigabytes = 0.0
    /// The time at the machine's rates: a call takes as long as its arithmetic or its memory, whichever is slower.
    public var limitSeconds = 0.0
  }

  /// By operation and pass, the longest first.
  public let operations: [Row]
  /// By operation, shapes and pass, the longest first.
  public let shapes: [Row]

  init(_ profile: Profile, steps: Int, rates: MachineRates) {
    let total = profile.entries.reduce(0) { $0 + $1.seconds }
    func rows(apart: Bool) -> [Row] {
      var rows: [Row] = []
      for entry in profile.entries {
        let kind = entry.kind, shapes = apart ? kind.shapes : nil
        var place = rows.firstIndex { $0.operation == kind.operation && $0.pass == kind.pass && $0.shapes == shapes }
        if place == nil {
          place = rows.count
          rows.append(Row(operation: kind.operation, shapes: shapes, pass: kind.pass))
        }
        rows[place!].add(entry, steps: Double(steps), total: total, rates: rates)
      }
      return rows.sorted { $0.seconds > $1.seconds }
    }
    operations = rows(apart: false)
    shapes = rows(apart: true)
  }

  public var text: String {
    let sums = String(
      format: "all operations %.3f s, at the machine's rates %.3f s", operations.reduce(0) { $0 + $1.seconds },
      operations.reduce(0) { $0 + $1.limitSeconds })
    let head = "   calls   seconds   share        rate     limit  operation"
    return ([head] + operations.map(\.text) + [sums, "", head] + shapes.map(\.text)).joined(separator: "\n")
  }
}

extension ProfileTable.Row {
  fileprivate mutating func add(_ entry: Profile.Entry, steps: Double, total: Double, rates: MachineRates) {
    calls += Double(entry.calls) / steps
    seconds += entry.seconds / steps
    share += entry.seconds / total
    gflop += entry.operations / steps / 1e9
    gigabytes += entry.bytes / steps / 1e9
    limitSeconds += rates.limit(operations: entry.operations, bytes: entry.bytes) / steps
  }

  fileprivate var text: String {
    let rate = gflop > 0 ? String(format: "%6.0f GF/s", gflop / seconds) : String(format: "%6.1f GB/s", gigabytes / seconds)
    let numbers =
      String(format: "%8.0f  %8.4f  %5.1f%%  ", calls, seconds, 100 * share) + rate + String(format: "  %8.4f", limitSeconds)
    return numbers + "  \(operation) \(pass.rawValue)" + (shapes.map { " " + $0 } ?? "")
  }
}
