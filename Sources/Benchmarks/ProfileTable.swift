// A profile as a table: seconds of a step by operation and pass, how fast that is, and what the machine would allow.

import Foundation
import Tensors

public struct ProfileTable: Encodable, Sendable {
  /// All calls of one operation in one pass, or those with the same shapes; numbers are sums over its calls.
  public struct Row: Encodable, Sendable {
    public let operation: String
    /// Inputs > output; empty for all shapes together.
    public let shapes: String
    public let pass: Profile.Pass
    public var calls = 0
    public var seconds = 0.0
    /// The share of the step, 0 to 1.
    public var share = 0.0
    /// 10⁹ floating-point operations; 0 for what only moves memory.
    public var gflop = 0.0
    /// 10⁹ bytes of inputs, parameters and outputs, each touched once.
    public var gigabytes = 0.0
    /// The time at the machine's rates: as long as the arithmetic or the memory takes, whichever is slower. What stays in the processor's
    /// caches can be faster.
    public var limitSeconds = 0.0
  }

  /// By operation and pass, the longest first.
  public let operations: [Row]
  /// The rows by operation, shapes and pass, the longest first.
  public let shapes: [Row]

  init(_ profile: Profile, rates: MachineRates) {
    let total = profile.entries.reduce(0) { $0 + $1.seconds }
    func rows(by key: (Profile.Kind) -> Profile.Kind) -> [Row] {
      var rows: [Profile.Kind: Row] = [:]
      for entry in profile.entries {
        let kind = key(entry.kind)
        rows[kind, default: Row(operation: kind.operation, shapes: kind.shapes, pass: kind.pass)].add(
          entry, total: total, rates: rates)
      }
      return rows.values.sorted { $0.seconds > $1.seconds }
    }
    operations = rows { Profile.Kind(operation: $0.operation, shapes: "", pass: $0.pass) }
    shapes = rows { $0 }
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
  fileprivate mutating func add(_ entry: Profile.Entry, total: Double, rates: MachineRates) {
    calls += entry.calls
    seconds += entry.seconds
    share += entry.seconds / total
    gflop += entry.operations / 1e9
    gigabytes += entry.bytes / 1e9
    limitSeconds += rates.limit(operations: entry.operations, bytes: entry.bytes)
  }

  fileprivate var text: String {
    let rate = gflop > 0 ? String(format: "%6.0f GF/s", gflop / seconds) : String(format: "%6.1f GB/s", gigabytes / seconds)
    let numbers =
      String(format: "%8d  %8.4f  %5.1f%%  ", calls, seconds, 100 * share) + rate + String(format: "  %8.4f", limitSeconds)
    return numbers + "  \(operation) \(pass.rawValue)" + (shapes.isEmpty ? "" : "  \(shapes)")
  }
}
