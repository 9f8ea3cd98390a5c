// From a command line to the loop: every rank reads the same run file, everything is checked before the first step, and what goes wrong on
// one rank ends all of them with one message.

import Cluster
import Files
import Kernels
import MPI
import Methods

/// Runs `cohort train` on all ranks of `world` and returns the exit code.
///
/// - Parameters:
///   - file: the run file, read by rank 0.
///   - overrides: `key=value` texts that replace keys of the file.
///   - budget: the time that the run has.
///   - acceptsChangedData: whether the run goes on on data that are not those that it began with.
///   - measuring: given for measurements: a stage does its steps and nothing else, and is shown before the first.
///   - stage: the stage that is measured, with what the stages before it leave without their steps; nil for the first.
public func launchTraining(
  file: String, overrides: [String], budget: TimeBudget = TimeBudget(), acceptsChangedData: Bool = false,
  over world: borrowing Communicator, measuring: ((Run) throws -> Void)? = nil, stage: String? = nil
) throws -> Int32 {
  try launchTraining(budget: budget, acceptsChangedData: acceptsChangedData, over: world, measuring: measuring) { world in
    let text = try sharedText(file, over: world)
    let configuration = try RunConfiguration(yaml: text, source: file, overrides: overrides)
    let names = configuration.stages.map(\.name)
    guard measuring != nil, let first = names.first else { return configuration }
    let measured = stage ?? first
    guard let place = names.firstIndex(of: measured) else {
      throw TrainingError(
        "\(file) has no stage \"\(measured)\" to measure: it has \(names.filter { !$0.isEmpty }.joined(separator: ", ")).")
    }
    try configuration.stages[place].configuration.requireMeasurable(source: file)
    if measured.isEmpty { return configuration }
    // As many steps as the measurement asks of the run.
    let alone = ["stages=[\(names[...place].joined(separator: ", "))]", "stages.\(measured).steps=\(configuration.steps)"]
    return try RunConfiguration(yaml: text, source: file, overrides: overrides + alone)
  }
}

/// Runs a training whose configuration `read` gives, the same on every rank.
func launchTraining(
  budget: TimeBudget, acceptsChangedData: Bool = false, over world: borrowing Communicator,
  measuring: ((Run) throws -> Void)? = nil, _ read: (borrowing Communicator) throws -> RunConfiguration
) throws -> Int32 {
  let console = Console(rank: world.rank)
  return try refusing(over: world, console: console) { world in
    let opened = try OpenedRun.open(over: world, console: console, read)
    // The lease is given back after the last line about the run is written. A failure of all ranks alike is an end like any other; what one rank
    // alone meets goes through reportAndAbort.
    defer { opened.close() }
    opened.configuration.warnings.forEach(console.warn)
    let (run, warnings) = try opened.leavingNothingBehind {
      try together(over: world) { world in try checkedRun(opened.configuration, budget, isMeasured: measuring != nil, over: world)
      }
    }
    run.lease = opened.lease
    run.acceptsChangedData = acceptsChangedData
    let observer = try Observer(run, console: console, over: world)
    run.observer = observer
    do {
      let log = try start(run, isMeasured: measuring != nil, over: world, console: console)
      warnings.forEach(console.warn)
      try measuring?(run)
      return try finish(run, log, stepsOnly: measuring != nil, over: world, console: console)
    } catch let error as ClusterError where error.isShared {
      _ = observer.ended(error.exitCode)
      throw error
    }
  }
}

/// Makes the run and checks all its stages on this rank.
/// - Returns: the run, and warnings about its data and its processors.
private func checkedRun(
  _ configuration: RunConfiguration, _ budget: TimeBudget, isMeasured: Bool, over world: borrowing Communicator
) throws -> (run: Run, warnings: [String]) {
  Flight.mark(.start, detail: "data and method")
  let placement = try RankPlacement(over: world), problem = placement.chooseThreads(configuration.threads)
  let run = try Run(configuration, rank: world.rank, ranks: world.size, ranksOnHost: placement.ranks, isMeasured: isMeasured)
  let warnings = try run.checkStages()
  run.budget = budget
  return (run, warnings + [problem].compactMap { $0 })
}

/// Brings the run to its first or next step. Collective; throws the same on every rank.
/// - Returns: metrics.jsonl, on rank 0 unless nothing is left to do.
private func start(
  _ run: Run, isMeasured: Bool, over world: borrowing Communicator, console: Console
) throws -> MetricsLog? {
  if isMeasured { try run.skipToLastStage(over: world, console: console) }
  let log = try together(over: world) { world -> MetricsLog? in
    try run.requireSamePlan(over: world)
    try resume(run, over: world, console: console)
    guard world.rank == 0, run.stepsDone < run.steps else { return nil }
    let log = try MetricsLog(run.configuration, stepsDone: run.stepsDone, warn: console.warn)
    if !isMeasured, let observer = run.observer { log.figures = RunFigures(run, attempt: observer.attempt, console: console) }
    return log
  }
  run.observer?.started(at: run.stepsDone, eventFile: log?.figures?.eventFile)
  try together(over: world) { world in try prepareStage(run, log, over: world, console: console) }
  console.print(clauses: checkpointTitle(run, ranks: world.size))
  return log
}

/// Takes up the newest intact checkpoint of the run folder, if it has any. Collective.
public func resume(_ run: Run, over world: borrowing Communicator, console: Console) throws {
  guard let state = try run.checkpoints.loadLatest(over: world, into: run.places) else { return }
  try run.restore(state, console: console)
  console.print("continuing \(run.configuration.output) after step \(run.stepsDone) of \(run.steps)")
}

/// Trains to the end and reports how it ended.
private func finish(
  _ run: Run, _ log: MetricsLog?, stepsOnly: Bool, over world: borrowing Communicator, console: Console
) throws -> Int32 {
  guard let observer = run.observer else { fatalError("launchTraining: a run without an observer") }
  do {
    let outcome = try train(run, over: world, console: console, log: log, stepsOnly: stepsOnly)
    try observer.finish(over: world)
    log?.figures?.drawProgress()
    switch outcome.end {
    case .completed: return observer.ended(ExitCode.success.rawValue)
    case .stopped: return observer.ended(ExitCode.requeue.rawValue)
    case .failed(let error):
      if world.rank == 0 { complain("cohort: \(error)") }
      return observer.ended(error.exitCode, "\(error)")
    }
  } catch {
    observer.failed(error)
    reportAndAbort(error, code: .fatal, over: world)
  }
}

/// Runs `body` on all ranks. An error that all ranks share is printed once, by rank 0, and becomes the exit code.
/// - Parameter console: has the logs that the error goes into, once there are any.
public func refusing(
  over world: borrowing Communicator, console: Console? = nil, body: (borrowing Communicator) throws -> Int32
) throws -> Int32 {
  do { return try body(world) } catch let error as ClusterError where error.isShared {
    console?.log("error: \(error)")
    if world.rank == 0 { complain("cohort: \(error)") }
    return error.exitCode
  }
}
