// One rank's part of a trace: RUN/trace/rank-0003.attempt-02.json, in Chrome's trace event format, with what is needed to put the ranks'
// clocks in line. `cohort trace merge` joins the parts.

import Cluster
import Files
import Foundation
import MPI

/// One entry of Chrome's trace event format.
public struct TraceEvent: Codable, Sendable, Equatable {
  public struct Arguments: Codable, Sendable, Equatable {
    public var step: Int?
    /// The title of a process row.
    public var name: String?
    public var sortIndex: Int?

    enum CodingKeys: String, CodingKey {
      case step, name
      case sortIndex = "sort_index"
    }
  }
  public var name: String
  /// "X" is a span; "M" describes a row.
  public var ph: String
  /// Beginning and duration, microseconds.
  public var ts: Double
  public var dur: Double
  /// The row: the rank.
  public var pid: Int
  public var tid: Int
  public var args: Arguments

  /// - Parameters:
  ///   - start, end: seconds.
  package static func span(_ name: String, from start: Double, to end: Double, step: Int, rank: Int) -> TraceEvent {
    TraceEvent(
      name: name, ph: "X", ts: start * 1e6, dur: (end - start) * 1e6, pid: rank, tid: 0, args: Arguments(step: step))
  }

  static func row(_ name: String, _ arguments: Arguments, rank: Int) -> TraceEvent {
    TraceEvent(name: name, ph: "M", ts: 0, dur: 0, pid: rank, tid: 0, args: arguments)
  }
}

/// What a rank's file holds. Trace viewers ignore what they do not understand.
public struct TracePart: Codable, Sendable {
  public var rank: Int
  /// How many ranks there are.
  public var ranks: Int
  public var host: String
  public var attempt: Int
  /// This rank's clock beside rank 0's, before the first traced step and after the last.
  public var clock: [ClockSample]
  /// Times by this rank's clock.
  public var traceEvents: [TraceEvent]

  package init(rank: Int, ranks: Int, host: String, attempt: Int, clock: [ClockSample] = [], traceEvents: [TraceEvent] = []) {
    (self.rank, self.ranks, self.host, self.attempt) = (rank, ranks, host, attempt)
    (self.clock, self.traceEvents) = (clock, traceEvents)
  }

  static func folder(_ run: String) -> String { run + "/trace" }
  static func name(rank: Int, attempt: Int) -> String { String(format: "rank-%04d.attempt-%02d.json", rank, attempt) }
}

/// Collects the spans of the steps that `trace.steps` names.
struct Trace {
  private let steps: ClosedRange<Int>
  private let folder: String
  private let lease: RunLease?
  private var part: TracePart
  private enum State { case ahead, running, done }
  private var state = State.ahead

  /// - Parameters:
  ///   - steps: the first and the last step to trace.
  ///   - lease: that of the run folder, on rank 0.
  init(steps: ClosedRange<Int>, run: String, lease: RunLease?, rank: Int, ranks: Int, host: String, attempt: Int) {
    (self.steps, self.lease) = (steps, lease)
    folder = TracePart.folder(run)
    part = TracePart(rank: rank, ranks: ranks, host: host, attempt: attempt)
  }

  /// Prepares step `step` (from 1): compares the clocks where the trace begins, and ends it where that is over. Collective
  /// at these two.
  /// - Returns: why the file could not be written, if so.
  mutating func begin(_ step: Int, over world: borrowing Communicator) throws(ClusterError) -> String? {
    if step > steps.upperBound { return try finish(over: world) }
    if state == .ahead, steps.contains(step) {
      part.clock.append(try compareClocks(over: world))
      state = .running
    }
    return nil
  }

  mutating func add(_ times: StepTimes, of step: Int) {
    guard state == .running else { return }
    part.traceEvents += times.spans.map { .span($0.part.rawValue, from: $0.start, to: $0.end, step: step, rank: part.rank) }
  }

  /// Compares the clocks again and writes the file, if the trace has begun. Collective.
  /// - Returns: why the file could not be written, if so.
  mutating func finish(over world: borrowing Communicator) throws(ClusterError) -> String? {
    guard state == .running else { return nil }
    state = .done
    part.clock.append(try compareClocks(over: world))
    do throws(ClusterError) { try together(over: world) { _ in try lease?.requireHeld() } } catch {
      if error.isCommunication { throw error }
      return "no trace: \(error)"
    }
    do {
      try makeFolder(folder)
      try writeDurably(
        Array(try JSONEncoder().encode(part)), to: "\(folder)/\(TracePart.name(rank: part.rank, attempt: part.attempt))")
      return nil
    } catch { return "no trace: \(error)" }
  }
}
