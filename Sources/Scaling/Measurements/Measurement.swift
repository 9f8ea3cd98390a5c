// One measurement of a study: one JSON line.

/// What stands behind a number. Never in one column, never in one colour.
public enum Evidence: String, Codable, Sendable, CaseIterable {
  /// Real computation, each node a machine of its own.
  case measured
  /// Timed sleeps in place of computation, or several nodes on one machine.
  case emulated
  /// Computed by the formula of `StepModel`.
  case modelled
}

/// One start of the launcher in a study.
public struct StudyPoint: Codable, Sendable, Hashable {
  public enum Kind: String, Codable, Sendable, CaseIterable {
    /// A fixed number of lanes, shared out.
    case strong
    /// A fixed number of lanes for each rank.
    case weak
    /// No steps: the time of `MPI_Allreduce` by message size.
    case allreduce
  }
  public var kind: Kind
  public var nodes: Int
  public var ranks: Int
  /// Lanes of all ranks together; 0 for `allreduce`.
  public var lanes: Int
  /// The number of the repeat, from 1.
  public var repetition: Int

  package init(kind: Kind, nodes: Int, ranks: Int, lanes: Int, repetition: Int) {
    (self.kind, self.nodes, self.ranks, self.lanes, self.repetition) = (kind, nodes, ranks, lanes, repetition)
  }

  /// The name for folders and messages: `strong-4-nodes-2`.
  public var name: String { "\(kind.rawValue)-\(nodes)-nodes-\(repetition)" }

  /// Lanes of the rank that has most.
  public var lanesOfBusiestRank: Int { (lanes + ranks - 1) / ranks }
}

/// The report of the measured ranks.
public struct MeasuredRun: Codable, Sendable {
  /// Whether sleeps replaced the kernels.
  public var isReplay = false
  /// The steps that count.
  public var steps: [StepTime] = []
  /// Bytes of an allreduce that would move as much as a step's averages do, and in how many buckets.
  public var averagedBytes = 0
  public var buckets = 1
  /// Seconds of the backward pass of one lane, where they are known.
  public var backwardSeconds: Double?
  public var allreduce: AllreduceResult?
  public var identity: Identity
}

/// A measurement as the study's folder keeps it.
public struct Measurement: Codable, Sendable {
  public var point: StudyPoint
  public var evidence: Evidence
  /// Hash of the point's settings in the study: a measurement counts only for the study that asked for it.
  public var study: String
  /// ISO 8601, UTC.
  public var started: String
  /// The time from the launcher's start to its end, seconds.
  public var seconds: Double
  /// The factor by which clocks were slowed down; the times in `run` are divided by it already.
  public var dilation: Double
  /// The launcher's command.
  public var command: String
  public var run: MeasuredRun

  init(
    _ run: MeasuredRun, of point: StudyPoint, study: String, started: String, seconds: Double, dilation: Double, command: String
  ) {
    (self.point, self.study, self.started, self.seconds) = (point, study, started, seconds)
    (self.dilation, self.command, self.run) = (dilation, command, run)
    evidence = run.isReplay || run.identity.machines < point.nodes || dilation != 1 ? .emulated : .measured
    self.run.steps = run.steps.map { $0.divided(by: dilation) }
    self.run.allreduce = run.allreduce?.divided(by: dilation)
  }
}
