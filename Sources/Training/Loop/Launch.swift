// From a command line to the loop: every rank reads the same run file, everything is checked before the first step, and what goes wrong on
// one rank ends all of them with one message.

import Cluster
import Foundation
import Kernels
import MPI
import Methods

/// Runs `cohort train` on all ranks of `world` and returns the exit code (shared/spec/distributed.md 4.4).
///
/// - Parameters:
///   - file: the run file, read by rank 0.
///   - overrides: `key=value` texts that replace keys of the file.
///   - budget: the time that the run has.
///   - measuring: given for measurements: the run does its steps and nothing else, and is shown before the first.
public func launchTraining(
  file: String, overrides: [String], budget: TimeBudget = TimeBudget(), over world: borrowing Communicator,
  measuring: ((Run) -> Void)? = nil
) throws -> Int32 {
  let console = Console(rank: world.rank)
  StopSignal.install()
  var opened: OpenedRun?
  if let refused = try openRun(&opened, file: file, overrides: overrides, over: world, console: console) { return refused }
  guard let opened else { fatalError("launchTraining: the preflight passed without a run folder") }
  opened.configuration.warnings.forEach(console.warn)
  // The lease is given back after the last line about the run is written. A failure of all ranks alike is an end like any other; what one rank
  // alone meets goes through reportAndAbort.
  defer { opened.close() }
  var run: Run?, placementProblem: String?
  let failure = try preflight(over: world, console) { world in
    Flight.mark(.start, detail: "data and method")
    let configuration = opened.configuration
    let placement = try RankPlacement(over: world)
    placementProblem = placement.chooseThreads(configuration.threads)
    let made = try Run(configuration, rank: world.rank, ranks: world.size, ranksOnHost: placement.ranks)
    try made.checkMemory(ranksOnHost: placement.ranks)
    made.budget = budget
    run = made
  }
  if let failure {
    opened.leaveNothing()
    return failure
  }
  guard let run else { fatalError("launchTraining: the preflight passed without a run") }
  let observer = try Observer(run, console: console, over: world)
  run.observer = observer
  var start: StartingPoint?
  if let failure = try preflight(
    over: world, console,
    { world in
      try run.requireSamePlan(over: world)
      start = try resume(run, over: world, console: console)
    })
  {
    return observer.ended(failure)
  }
  guard let start else { fatalError("launchTraining: the preflight passed without a starting point") }
  observer.started(at: start.step)
  if let failure = try preflight(over: world, console, { world in try preparePrior(run, start, over: world, console: console) }) {
    return observer.ended(failure)
  }
  console.say(checkpointTitle(run, ranks: world.size))
  if let placementProblem { console.warn(placementProblem) }
  measuring?(run)
  do {
    let outcome = try train(run, from: start, over: world, console: console, stepsOnly: measuring != nil)
    try observer.finish(over: world)
    switch outcome.end {
    case .completed: return observer.ended(ExitCode.success.rawValue)
    case .stopped: return observer.ended(ExitCode.requeue.rawValue)
    case .failed(let error):
      if world.rank == 0 { say(error) }
      return observer.ended(error.exitCode, "\(error)")
    }
  } catch {
    observer.failed(error)
    reportAndAbort(error, code: .fatal, over: world)
  }
}

/// What the run's prior needs of the volumes; nothing for a run that is at its end. Collective.
private func preparePrior(
  _ run: Run, _ start: StartingPoint, over world: borrowing Communicator, console: Console
) throws {
  guard let setup = run.priorSetup, start.step < run.configuration.steps else { return }
  Flight.mark(.prior)
  let calibration = try setup.prepare(run.split, lanes: run.ownUnlabelled, over: world, console: console)
  // Before the first step, whose line an interrupted run writes again.
  if start.step == 0, !calibration.isEmpty { start.log?.append(kind: "calibration", step: 1, calibration) }
}

private func say(_ error: some CustomStringConvertible) { FileHandle.standardError.write(Data("cohort: \(error)\n".utf8)) }

/// Runs `body` on every rank; if it fails on any, rank 0 says the error of the lowest such rank once. Collective.
/// - Returns: the exit code of the failure, nil if all went well.
///
/// `body` may fail on some ranks only after the last collective call that it makes.
/// - Parameter console: has the logs that the error goes into, once there are any.
public func preflight(
  over world: borrowing Communicator, _ console: Console? = nil, _ body: (borrowing Communicator) throws -> Void
) throws -> Int32? {
  var message: String?, code = Int64(0)
  do { try body(world) } catch {
    message = world.rank == 0 ? "\(error)" : "rank \(world.rank) on \(Communicator.hostName): \(error)"
    code = Int64((error as? TrainingError)?.exitCode ?? ExitCode.configuration.rawValue)
  }
  guard let failure = try agree(message, over: world) else { return nil }
  let agreed = try world.allreduce(failure.rank == world.rank ? code : 0, .maximum)
  console?.note("error: \(failure.message)")
  if world.rank == 0 { say(failure.message) }
  return Int32(agreed)
}

/// Runs `body`, which makes no collective call, on every rank; if it fails on any, all throw the error of the lowest such rank. Collective.
func jointly<Result>(over world: borrowing Communicator, _ body: () throws -> Result) throws -> Result {
  let outcome = Swift.Result { try body() }
  var message: String?
  if case .failure(let error) = outcome { message = "\(error)" }
  if let failure = try agree(message, over: world) { throw TrainingError(failure.message) }
  return try outcome.get()
}
