// The training loop: read this first. One step is: each lane of this rank draws a batch, the method turns it into loss terms, the
// tape is walked back, lane gradients are averaged over all ranks, one control word settles what happens, the optimisers move.

import Cluster
import Foundation
import Kernels
import MPI
import Methods
import Tensors

/// How a run ended; the same on every rank.
public struct TrainingOutcome: Sendable {
  public enum End: Sendable {
    case completed
    /// Saved and left, as a signal asked.
    case stopped
    case failed(TrainingError)
  }
  public let end: End
  /// Steps done.
  public let step: Int
  public let validation: ValidationScores?
}

/// Where a run takes up its work.
public struct StartingPoint {
  /// Steps done.
  public let step: Int
  /// The best validation Dice so far.
  let best: Double?
  /// On rank 0, unless nothing is left to do.
  let log: MetricsLog?
}

/// Takes up the newest intact checkpoint of the run folder, if it has any, and opens the metrics there. Collective.
public func resume(_ run: Run, over world: borrowing Communicator, console: Console) throws -> StartingPoint {
  var step = 0, best: Double?
  if let state = try run.checkpoints.loadLatest(over: world, into: run.places) {
    (step, best) = try run.restore(state, console: console)
    console.say("continuing \(run.configuration.output) after step \(step) of \(run.configuration.steps)")
  }
  let writesLog = world.rank == 0 && step < run.configuration.steps
  return StartingPoint(step: step, best: best, log: writesLog ? try MetricsLog(run.configuration, stepsDone: step) : nil)
}

/// Trains to the last step. Collective.
/// - Parameter stepsOnly: for measurements: the same steps, but neither looks at single terms nor validation nor a checkpoint.
public func train(
  _ run: Run, from start: StartingPoint, over world: borrowing Communicator, console: Console, stepsOnly: Bool = false
) throws -> TrainingOutcome {
  let averaging = try StepAveraging(over: world)
  let outcome = try train(run, from: start, averaging, over: world, console: console, stepsOnly: stepsOnly)
  try averaging.close()
  return outcome
}

private func train(
  _ run: Run, from start: StartingPoint, _ averaging: StepAveraging, over world: borrowing Communicator, console: Console,
  stepsOnly: Bool
) throws -> TrainingOutcome {
  var step = start.step, best = start.best
  let log = start.log
  let progress = ProgressReport(run, ranks: world.size, console: console, firstStep: step)
  var termCheck = TermCheck(isOff: stepsOnly), checkpointing = Checkpointing(run.configuration, firstStep: step)
  var times = StepTimes(), skipped = 0
  let total = run.configuration.steps
  var requests = RequestFiles(folder: run.configuration.output)

  while step < total {
    let now = Step(index: step, total: total, seed: run.configuration.seed)
    Flight.mark(.load, step: step + 1)
    try run.strike(step: step + 1, over: world)
    try run.observer?.begin(step + 1, over: world)
    times.begin()
    defer { run.observer?.keep(times, of: now.index + 1) }
    let hash = run.comparesReplicas(at: step, ranks: world.size) ? run.stateHash : nil
    let lanes = try computeLanes(run, at: now, averaging, &termCheck, &times)
    var word = lanes.word(lanesInAll: run.configuration.lanes)
    Flight.mark(.average)
    let communication = try times.measure(.average) { try averaging.wait() }
    word.times = times.summary(communication)
    word.largestBits = averaging.largestBits
    word.replicaHash = hash
    stopInTime(run, world, console)
    if StopSignal.isRequested { word.flags.insert(.stop) }
    if world.rank == 0 {
      word.flags.formUnion(requests.take())
      if checkpointing.isDue(afterStep: step + 1) { word.flags.insert(.save) }
    }
    Flight.mark(.control)
    let summary = try times.measure(.control) { try word.exchange(over: world) }, seconds = times.sinceStart
    try run.requireSameState(summary.replicaHashes, step: step, over: world)
    let outcomes = try averaging.judge(largestBits: summary.largestBits)

    // Every rank sees the same outcomes and the same summary, so all take the same way.
    if outcomes.allSatisfy(\.isUsable) {
      skipped = 0
      Flight.mark(.update)
      times.measure(.update) { update(run, at: now) }
    } else {
      skipped += 1
      console.warn("step \(step + 1) is skipped: a gradient is \(outcomes.contains(.nonFinite) ? "not finite" : "out of range").")
      guard skipped < 20 else {
        return failure(
          "20 steps in a row had no usable gradient: lower optimizer.rate and start again.", 78, step)
      }
    }
    step += 1
    let numbers = lanes.named(summary)
    progress.after(step, numbers)
    run.observer?.after(step, summary, loss: numbers["loss"], seconds: times.sinceStart)
    log?.append(
      kind: "step", step: step,
      numbers.merging(summary.timings) { $1 }.merging([
        "rate": run.learningRate(at: step - 1), "seconds": seconds, "updateSeconds": times.seconds(in: .update),
        "wallSeconds": times.sinceStart,
      ]) { $1 })
    for message in termCheck.messages(after: step) { console.warn(message) }

    let stops = summary.flags.contains(.stop)
    if stops { run.observer?.stops(at: step) }
    if run.configuration.isDue("validation.every", step), step < total {
      let scores = try times.measure(.validation) { try validate(run, over: world) }
      report(scores, run, step: step, console, log)
      if run.split.isHeldOut, scores.mean > best ?? -1 {
        best = scores.mean
        let isSaved = try times.measure(.checkpoint) { try checkpointing.save(run, step: step, best: best, world, console) }
        if isSaved { markBest(run, step, world, console) }
      }
    }
    if stops || summary.flags.contains(.save), checkpointing.savedStep < step, step < total {
      let isSaved = try times.measure(.checkpoint) { try checkpointing.save(run, step: step, best: best, world, console) }
      guard isSaved || !stops else { return unsaved(run, step) }
    }
    if stops, step < total {
      console.say("stopped at step \(step) of \(total) as asked: start the same command again to go on.")
      return TrainingOutcome(end: .stopped, step: step, validation: nil)
    }
  }

  if stepsOnly { return TrainingOutcome(end: .completed, step: step, validation: nil) }
  times.begin()
  defer { run.observer?.keep(times, of: step) }
  let scores = try times.measure(.validation) { try validate(run, over: world) }
  report(scores, run, step: step, console, log)
  guard
    try start.step == step
      || times.measure(.checkpoint, { try checkpointing.save(run, step: step, best: best, world, console) })
  else { return unsaved(run, step) }
  if checkpointing.failures > 0 { console.warn("\(checkpointing.failures) checkpoints could not be saved; the last one was.") }
  if run.split.isHeldOut, scores.mean > best ?? -1 { markBest(run, step, world, console) }
  progress.summary(scores, run, step: step)
  return TrainingOutcome(end: .completed, step: step, validation: scores)
}

private func failure(_ text: String, _ exitCode: Int32, _ step: Int) -> TrainingOutcome {
  TrainingOutcome(end: .failed(TrainingError(text, exitCode: exitCode)), step: step, validation: nil)
}

private func unsaved(_ run: Run, _ step: Int) -> TrainingOutcome {
  failure(
    "the last checkpoint could not be saved: free space in \(run.configuration.output) and start the same command again.",
    ExitCode.storage.rawValue, step)
}

/// The loss values of this rank's lanes in one step, with their names.
private struct LaneLosses {
  var names: [String] = []
  var rows: [(lane: Int, values: [Double])] = []
  /// Of lane 0, at the steps at which terms are walked one by one.
  var gradientNorms: [String: Double] = [:]

  mutating func add(_ terms: LossTerms, lane: Int) {
    let groups = terms.byName
    names = ["loss"] + groups.map(\.name) + groups.map { "weight." + $0.name } + terms.diagnostics.map(\.name)
    rows.append(
      (lane, [terms.total] + groups.map(\.own.value) + groups.map(\.own.weight) + terms.diagnostics.map(\.value)))
  }

  func word(lanesInAll: Int) -> ControlWord {
    var word = ControlWord(lanes: lanesInAll, valuesPerLane: names.count)
    for row in rows { word.set(row.values, lane: row.lane) }
    return word
  }

  /// Means over all lanes by name.
  func named(_ summary: ControlSummary) -> [String: Double] {
    let lanes = Double(summary.laneValues.count)
    let means = Dictionary(names.enumerated().map { ($1, summary.sum($0) / lanes) }) { first, _ in first }
    return means.merging(gradientNorms.map { ("gradient." + $0, $1) }) { first, _ in first }
  }
}

/// Forward and backward for each lane of this rank; gradients are averaged while the last lane is walked back.
private func computeLanes(
  _ run: Run, at step: Step, _ averaging: StepAveraging, _ check: inout TermCheck, _ times: inout StepTimes
) throws -> LaneLosses {
  var losses = LaneLosses()
  // The module that comes last in the forward pass is the first whose gradients are complete.
  let active = run.method.updated(at: step).reversed().map { run.modules[$0] }
  averaging.begin(active.flatMap(\.averages), lanes: run.configuration.lanes)
  for lane in run.lanes {
    Flight.mark(.load, detail: "lane \(lane)")
    let batch = try times.measure(.load) { try run.loader.batch(lane: lane, at: step) }
    Flight.mark(.compute, detail: "lane \(lane)")
    let tape = Tape(memory: run.memory), isChecked = lane == 0 && check.isDue(step), isLast = lane == run.lanes.last
    let opposite = isChecked ? try run.termsUnderOppositePrior(batch, at: step, check) : nil
    for update in run.modules { update.clear() }
    let terms = try times.measure(.forward) { try run.method.loss(batch, at: step, on: tape) }
    losses.add(terms, lane: lane)
    check.note(terms)
    if isChecked {
      let norms = check.look(terms, modules: run.method.trained, tape: tape)
      if TermCheck.isLogged(step) { losses.gradientNorms = norms }
      if let opposite { check.compare(terms, opposite: opposite) }
    }
    if isLast { averaging.beginWalk(of: tape) }
    times.measure(.backward) {
      tape.backward(from: terms.terms.map { ($0.scalar, weight: $0.weight) }) { if isLast { averaging.note($0) } }
    }
    if isLast { averaging.completeLastLane() } else { averaging.addLane() }
  }
  return losses
}

extension Run {
  /// The terms of a batch if the prior said the opposite; nil where no term has yet to show that it would notice.
  fileprivate func termsUnderOppositePrior(_ batch: Batch, at step: Step, _ check: TermCheck) throws -> LossTerms? {
    guard let prior, check.wantsOpposite(at: step) else { return nil }
    prior.isNegated = true
    defer { prior.isNegated = false }
    return try method.loss(batch, at: step, on: Tape(recording: false))
  }
}

private func update(_ run: Run, at step: Step) {
  for position in run.method.updated(at: step) {
    run.modules[position].apply(learningRate: run.learningRate(at: step.index))
  }
  run.method.afterUpdate(at: step)
}

/// Rank 0 asks for the stop when the time that the run has is nearly over; the control word makes it everyone's.
private func stopInTime(_ run: Run, _ world: borrowing Communicator, _ console: Console) {
  guard world.rank == 0, run.budget.isUp(), !StopSignal.isRequested else { return }
  console.say(run.budget.explanation)
  StopSignal.request()
}

private func validate(_ run: Run, over world: borrowing Communicator) throws -> ValidationScores {
  let started = ContinuousClock.now
  defer { run.budget.note(.validation, seconds: (ContinuousClock.now - started).seconds) }
  return try run.validate(run.split.validation, over: world)
}

private func markBest(_ run: Run, _ step: Int, _ world: borrowing Communicator, _ console: Console) {
  guard world.rank == 0 else { return }
  do { try run.checkpoints.markBest(step: step) } catch { console.warn("\(error)") }
}

private func report(_ scores: ValidationScores, _ run: Run, step: Int, _ console: Console, _ log: MetricsLog?) {
  run.observer?.validated(scores.mean, step: step)
  let kind = run.split.isHeldOut ? "validation" : "training volumes"
  console.say(
    "step \(step): Dice \(scores.mean.formatted(decimals: 4)) on \(scores.cases.count) \(kind == "validation" ? "validation cases" : kind)"
  )
  var numbers = ["dice": scores.mean]
  for (k, value) in scores.classMeans.enumerated() { numbers["dice." + run.description.classNames[k + 1]] = value }
  log?.append(kind: kind == "validation" ? "validation" : "trainingFit", step: step, numbers)
}

extension AveragingOutcome {
  fileprivate var isUsable: Bool { if case .averaged = self { true } else { false } }
}

extension RunConfiguration {
  /// Whether something that happens every so many steps happens after `step`; 0 means never.
  fileprivate func isDue(_ key: String, _ step: Int) -> Bool { integer(key) > 0 && step % integer(key) == 0 }
}
