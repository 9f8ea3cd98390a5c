// The training loop: read this first. One step is: each lane of this rank draws a batch, the work turns it into loss terms, the tape runs backward, lane
// gradients are averaged over all ranks, one control word settles what happens, the optimisers move. A run is a list of stages of such steps.

import Cluster
import MPI
import Methods
import Preparation
import Tensors

/// Trains to the last step of the last stage. Collective.
/// - Parameters:
///   - log: metrics.jsonl, on rank 0.
///   - stepsOnly: for measurements: the same steps, but neither looks at single terms nor validation nor a checkpoint.
public func train(
  _ run: Run, over world: borrowing Communicator, console: Console, log: MetricsLog? = nil, stepsOnly: Bool = false
) throws -> TrainingOutcome {
  let loop = try TrainingLoop(run, over: world, console: console, log: log, stepsOnly: stepsOnly)
  let outcome = try loop.trainStages(over: world)
  try loop.step.close()
  return outcome
}

private final class TrainingLoop {
  private(set) var step: CoordinatedStep
  private let run: Run
  private let stepsOnly: Bool
  private let reporter: RunReporter
  private var lanes: LaneWork
  private var checkpointing: Checkpointing
  private var requests: RankRequests
  private var isStopping = false

  init(_ run: Run, over world: borrowing Communicator, console: Console, log: MetricsLog?, stepsOnly: Bool) throws {
    (self.run, self.stepsOnly) = (run, stepsOnly)
    step = try CoordinatedStep(run.stage, over: world)
    reporter = RunReporter(run, ranks: world.size, console: console, log: log)
    lanes = LaneWork(run.stage, step, checksTerms: !stepsOnly)
    checkpointing = Checkpointing(run.configuration, firstStep: run.stepsDone)
    requests = RankRequests(run, rank: world.rank)
  }

  func trainStages(over world: borrowing Communicator) throws -> TrainingOutcome {
    do {
      while true {
        if let end = try trainStage(over: world) { return end }
        let (end, scores) = try finishStage(over: world)
        if let end { return end }
        if run.isLastStage { return TrainingOutcome(end: .completed, step: run.stepsDone, scores: scores) }
        try enterNextStage(over: world)
      }
    } catch let error as ClusterError where error.isShared && error.isFolderLost {
      return .lost(run, error.description)
    } catch let error as ClusterError where error.isShared && error.exitCode == ExitCode.requeue.rawValue {
      return try stopBetweenSteps(over: world)
    }
  }

  /// The end of a run that was stopped in what lies between steps, which goes on piece by piece at the next start.
  private func stopBetweenSteps(over world: borrowing Communicator) throws -> TrainingOutcome {
    run.observer?.stops(at: run.stepsDone)
    if checkpointing.savedStep != run.stepsDone, try !save(over: world) { return .unsaved(run) }
    return .stopped(run, reporter.console)
  }

  /// Takes the steps of the stage that are left.
  /// - Returns: nil at the last one; else how the run ends before.
  private func trainStage(over world: borrowing Communicator) throws -> TrainingOutcome? {
    while !run.stage.isDone {
      let now = run.stage.next
      try begin(over: world)
      let outcome = try take(now, over: world)
      switch outcome.verdict {
      case .update: update(at: now)
      case .skip(let reason): reporter.skipped(reason)
      case .giveUp: return .unusable(run)
      }
      run.stage.stepsDone += 1
      reporter.after(outcome, lanes, step.times)
      defer { reporter.keep(step.times) }
      if let end = try validateAndSave(outcome.summary.flags, over: world) { return end }
    }
    return nil
  }

  private func begin(over world: borrowing Communicator) throws {
    Flight.mark(.load, step: run.stepsDone + 1)
    try run.injectFault(over: world)
    try run.observer?.begin(run.stepsDone + 1, over: world)
    try run.stage.decideRound(over: world)
  }

  private func take(_ now: Step, over world: borrowing Communicator) throws -> StepOutcome {
    let isCompared = run.comparesReplicasNow(ranks: world.size)
    lanes.begin(now)
    let averages = lanes.averages(at: now)
    return try step.take(
      averages.own, received: averages.received, step: run.stepsDone, over: world,
      stateHash: isCompared ? { self.run.stateHash } : nil,
      requests: { requests.flags(isSaveDue: checkpointing.isDue(afterStep: run.stepsDone + 1), reporter.console) },
      first: { try lanes.count(step.lanes, of: step.laneCount, over: world) }, lane: lanes.compute)
  }

  private func update(at now: Step) {
    Flight.mark(.update)
    step.times.measure(.update) { run.stage.work.update(at: now) }
  }

  /// What may follow a step: a validation, a checkpoint, the end that was asked for.
  private func validateAndSave(_ flags: ControlFlags, over world: borrowing Communicator) throws -> TrainingOutcome? {
    if flags.contains(.lost) { return .lost(run) }
    isStopping = flags.contains(.stop)
    if isStopping { run.observer?.stops(at: run.stepsDone) }
    guard !run.stage.isDone else { return nil }
    if run.stage.isValidationDue { _ = try validate(over: world) }
    if isStopping || flags.contains(.save) {
      guard try save(over: world) || !isStopping else { return .unsaved(run) }
    }
    return isStopping ? .stopped(run, reporter.console) : nil
  }

  /// Validates and saves at the end of a stage. The last stage of a run that had come to its end is validated again and not saved.
  private func finishStage(over world: borrowing Communicator) throws -> (end: TrainingOutcome?, scores: StageScores?) {
    let wasDone = checkpointing.savedStep == run.stepsDone
    if stepsOnly || wasDone && !run.isLastStage { return (nil, nil) }
    step.times.begin()
    defer { reporter.keep(step.times) }
    let scores = try validate(over: world, isRepeated: wasDone)
    guard try save(over: world) else { return (.unsaved(run), scores) }
    if wasDone { try checkpointing.export(run, over: world, console: reporter.console) }
    if checkpointing.failures > 0 {
      reporter.console.warn("\(checkpointing.failures) checkpoints could not be saved; the last one was.")
    }
    if let problem = checkpointing.exportProblem { return (.failed(run, problem, .storage), scores) }
    if isStopping, !run.isLastStage { return (.stopped(run, reporter.console), scores) }
    reporter.summary(scores)
    return (nil, scores)
  }

  private func enterNextStage(over world: borrowing Communicator) throws {
    reporter.console.print(try run.enterNextStage())
    try step.close()
    step = try CoordinatedStep(run.stage, over: world)
    lanes = LaneWork(run.stage, step, checksTerms: !stepsOnly)
    try reporter.beginStage(over: world)
  }

  /// Scores the state; a new best one is saved and named best.
  /// - Parameter isRepeated: whether it was scored before and nothing follows from that any more.
  private func validate(over world: borrowing Communicator, isRepeated: Bool = false) throws -> StageScores {
    let scores = try step.times.measure(.validation) { try run.validate(over: world) }
    let judged = isRepeated ? run.stage.smoothed ?? scores.mean : run.stage.judged(scores)
    reporter.validated(scores, judged: judged)
    guard !isRepeated, scores.isHeldOut, judged > run.stage.best ?? -1 else { return scores }
    run.stage.best = judged
    if try save(over: world), world.rank == 0 {
      do { try run.checkpoints.markBest(step: run.stepsDone) } catch { reporter.console.warn("\(error)") }
    }
    return scores
  }

  /// - Returns: whether a checkpoint of this step is on the disk.
  private func save(over world: borrowing Communicator) throws -> Bool {
    if checkpointing.savedStep == run.stepsDone { return true }
    let isSaved = try step.times.measure(.checkpoint) { try checkpointing.save(run, over: world, console: reporter.console) }
    if isSaved { reporter.saved() }
    return isSaved
  }
}

extension CoordinatedStep {
  /// The steps of a stage. Collective.
  fileprivate convenience init(_ stage: Stage, over world: borrowing Communicator) throws(ClusterError) {
    try self.init(laneCount: stage.configuration.lanes, layout: stage.configuration.layout, over: world)
  }
}
