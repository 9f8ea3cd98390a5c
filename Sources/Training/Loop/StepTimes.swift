// What a rank does in a step, timed: the sums tell who is slow and why, the spans become a trace.

import Cluster

/// A part of a step.
enum StepPart: String, Sendable {
  case load, forward, backward, average, control, update, validation, checkpoint
}

/// The timed parts of the step that this rank is at.
struct StepTimes {
  /// From one moment of this host's clock to another, seconds.
  struct Span: Sendable, Equatable {
    let part: StepPart
    let start: Double
    let end: Double
  }
  private(set) var spans: [Span] = []
  private var start = HostClock.seconds
  /// In the control word of the step before, which carried that step's times and so could not hold its own.
  private var controlBefore = 0.0

  /// A new step begins.
  mutating func begin() {
    controlBefore = seconds(in: .control)
    spans = []
    start = HostClock.seconds
  }

  /// Runs `body` as a part of the step. Parts do not contain each other.
  mutating func measure<Result>(_ part: StepPart, _ body: () throws -> Result) rethrows -> Result {
    let start = HostClock.seconds
    defer { spans.append(Span(part: part, start: start, end: HostClock.seconds)) }
    return try body()
  }

  func seconds(in part: StepPart) -> Double {
    spans.reduce(0) { $1.part == part ? $0 + $1.end - $1.start : $0 }
  }

  /// From the beginning of the step until now.
  var sinceStart: Double { HostClock.seconds - start }

  /// What the rank tells the others once it has averaged: all of the step but loading and waiting is computing.
  func summary(_ communication: CommunicationTimes) -> RankSeconds {
    let load = seconds(in: .load), average = seconds(in: .average)
    return RankSeconds(
      load: load, compute: max(0, sinceStart - load - average), wait: average + controlBefore, communication: communication)
  }
}
