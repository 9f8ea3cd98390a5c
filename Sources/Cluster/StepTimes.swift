// What a rank does in a step, timed: the sums show who is slow and why, the spans become a trace.

/// A part of a step.
public enum StepPart: String, Sendable {
  case load, forward, backward, average, control, update, validation, checkpoint
}

/// The timed parts of the step that this rank is at.
public final class StepTimes {
  /// The time from one moment of this host's clock to another, seconds.
  public struct Span: Sendable, Equatable {
    public let part: StepPart
    public let start: Double
    public let end: Double

    public init(part: StepPart, start: Double, end: Double) { (self.part, self.start, self.end) = (part, start, end) }
  }
  public private(set) var spans: [Span] = []
  private var start = HostClock.seconds
  /// The seconds within parts of the step in which this rank waited for the other one of its pair.
  private var waited = 0.0
  /// The seconds in the control word of the step before, which carried that step's times and so could not hold its own.
  private var controlBefore = 0.0

  public init() {}

  /// A new step begins.
  public func begin() {
    controlBefore = seconds(in: .control)
    (spans, waited) = ([], 0)
    start = HostClock.seconds
  }

  /// Runs `body` as a part of the step. Parts do not contain each other.
  public func measure<Result>(_ part: StepPart, _ body: () throws -> Result) rethrows -> Result {
    let start = HostClock.seconds
    defer { spans.append(Span(part: part, start: start, end: HostClock.seconds)) }
    return try body()
  }

  /// Runs `body`, which waits for another rank, within a part of the step.
  public func waiting<Result>(_ body: () throws -> Result) rethrows -> Result {
    let start = HostClock.seconds
    defer { waited += HostClock.seconds - start }
    return try body()
  }

  public func seconds(in part: StepPart) -> Double {
    spans.reduce(0) { $1.part == part ? $0 + $1.end - $1.start : $0 }
  }

  /// The time from the beginning of the step until now, seconds.
  public var sinceStart: Double { HostClock.seconds - start }

  /// The times that the rank sends to the others once it has averaged: all of the step but loading and waiting is computing.
  func summary(_ communication: CommunicationTimes) -> RankSeconds {
    let load = seconds(in: .load), average = seconds(in: .average)
    return RankSeconds(
      load: load, compute: max(0, sinceStart - load - average - waited), wait: average + waited + controlBefore,
      communication: communication)
  }
}
