// A run on its way through its stages: the settings, the stage at work, and what all stages share: checkpoints, budget, faults for drills.

import Cluster
import Foundation
import Kernels
import MPI
import Tensors

/// Everything that the loop works with. Made alike on every rank; only the volumes that a rank loads differ.
public final class Run {
  public let configuration: RunConfiguration
  /// The stage at work.
  public private(set) var stage: Stage
  private(set) var checkpoints: CheckpointStore
  /// The lease on the run folder, on rank 0; nil in tests.
  var lease: RunLease? { didSet { checkpoints.lease = lease } }
  /// Whether the run goes on on data that are not those that it began with.
  var acceptsChangedData = false
  /// A fault to inject in drills and tests; nil otherwise.
  let fault: Fault?
  /// The time that the run has; rank 0 decides by it.
  var budget = TimeBudget()
  /// The observer; nil in tests and measurements.
  var observer: Observer?
  private let rank, ranks, ranksOnHost: Int
  private let isMeasured: Bool
  private let make: (StagePlan) throws -> any Work

  /// Makes the first stage of the run.
  /// - Parameters:
  ///   - ranksOnHost: ranks that share this host's memory: prepared volumes may fill a quarter of it, shared out alike.
  ///   - isMeasured: whether the steps of the last stage are only timed.
  ///   - make: makes the work of a stage; the catalogue's, unless a test brings its own.
  public init(
    _ configuration: RunConfiguration, rank: Int, ranks: Int, ranksOnHost: Int = 1, isMeasured: Bool = false,
    make: @escaping (StagePlan) throws -> any Work = makeWork
  ) throws {
    (self.configuration, self.isMeasured) = (configuration, isMeasured)
    (self.rank, self.ranks, self.ranksOnHost, self.make) = (rank, ranks, ranksOnHost, make)
    fault = try Fault()
    checkpoints = CheckpointStore(
      folder: configuration.output + "/checkpoints", keep: configuration.checkpointKeep,
      keepEvery: configuration.checkpointKeepEvery, backend: configuration.checkpointBackend)
    let plan = try StagePlan(
      configuration.stages[0].configuration, rank: rank, ranks: ranks, ranksOnHost: ranksOnHost,
      isMeasured: isMeasured && configuration.stages.count == 1)
    stage = Stage(number: 0, of: configuration, work: try make(plan))
  }

  /// All steps of all stages.
  public var steps: Int { configuration.stages.reduce(0) { $0 + $1.configuration.steps } }
  /// Steps that are done, of all stages.
  public var stepsDone: Int { stage.runStep }
  var isLastStage: Bool { stage.number == configuration.stages.count - 1 }
  /// The lanes of this rank.
  package var lanes: Range<Int> {
    get throws {
      try LanePlan(lanes: configuration.lanes, ranks: ranks, layout: stage.configuration.layout).lanes(ofRank: rank, of: ranks)
    }
  }

  /// Makes another stage the one at work, at its first step, with first values of its own.
  func enter(stage number: Int) throws {
    guard number != stage.number else { return }
    let plan = try StagePlan(
      configuration.stages[number].configuration, rank: rank, ranks: ranks, ranksOnHost: ranksOnHost,
      isMeasured: isMeasured && number == configuration.stages.count - 1)
    stage = Stage(number: number, of: configuration, work: try make(plan))
  }

  /// Goes on to the next stage, which takes up what this one leaves.
  /// - Returns: one line about what it took, for the console.
  func enterNextStage() throws -> String {
    let earlier = stage.work
    try enter(stage: stage.number + 1)
    return try stage.work.takeOver(from: earlier)
  }

  /// Goes to the last stage without the steps of those before it, for measurements: each prepares and leaves what it has. Collective.
  func skipToLastStage(over world: borrowing Communicator, console: Console) throws {
    while !isLastStage {
      _ = try stage.work.prepare(over: world, console: console)
      try together(over: world) { _ in console.print(try enterNextStage()) }
    }
  }

  /// Makes every stage once and checks what can be checked before the first step: settings, data, memory, and that it can take up what the stage
  /// before leaves.
  /// - Returns: warnings about the data.
  func checkStages() throws -> [String] {
    try checkMemory(of: stage, ranksOnHost: ranksOnHost)
    let first = stage
    var warnings = stage.work.warnings
    for number in configuration.stages.indices.dropFirst() {
      do {
        _ = try enterNextStage()
        try checkMemory(of: stage, ranksOnHost: ranksOnHost)
        warnings += stage.work.warnings.filter { !warnings.contains($0) }
      } catch { throw TrainingError("stage \(configuration.stages[number].name): \(error)") }
    }
    stage = first
    return warnings
  }
}

extension Stage {
  convenience init(number: Int, of run: RunConfiguration, work: any Work) {
    let stages = run.stages
    self.init(
      number: number, name: stages[number].name, firstStep: stages[..<number].reduce(0) { $0 + $1.configuration.steps },
      stages[number].configuration, work: work)
  }
}

/// Makes the work that the settings of a stage name.
public func makeWork(_ plan: StagePlan) throws -> any Work {
  guard let type = workCatalog.first(where: { $0.name == plan.configuration.work }) else {
    fatalError("the settings name the work \(plan.configuration.work), which is not in the catalogue")
  }
  return try type.init(plan)
}

extension Run {
  /// Scores the stage at work. Collective.
  func validate(over world: borrowing Communicator) throws -> StageScores {
    let started = ContinuousClock.now
    defer { budget.record(.validation, seconds: (ContinuousClock.now - started).seconds) }
    return try stage.work.validate(over: world)
  }
}

extension Stage {
  /// Whether a validation follows the newest step; never by a period of 0.
  var isValidationDue: Bool {
    let period = configuration.validationEvery
    return period > 0 && stepsDone % period == 0
  }
}
