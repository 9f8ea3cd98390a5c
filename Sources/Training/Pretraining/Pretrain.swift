// `cohort prior pretrain`: the loop around the steps of a pretraining. It takes minutes, so nothing is resumed; the file is written every
// so often, and is usable from the first time on.

import Cluster
import Foundation
import Kernels
import MPI
import Weights

/// Runs a pretraining on all ranks of `world` and returns the exit code.
/// - Parameter threads: of each rank; 0 for as many as training would take.
public func launchPretraining(_ plan: PretrainingPlan, threads: Int, over world: borrowing Communicator) throws -> Int32 {
  let failure = try preflight(over: world) { world in
    try RankPlacement(over: world).chooseThreads(threads)
    try plan.check(ranks: world.size)
    if world.rank == 0 { try plan.checkOutput() }
  }
  if let failure { return failure }
  do {
    try pretrain(plan, over: world, console: Console(rank: world.rank))
    return ExitCode.success.rawValue
  } catch {
    reportAndAbort(error, code: .fatal, over: world)
  }
}

/// Pretrains to the last step and writes the file. Collective.
/// - Returns: what came of it, on held-out scenes.
@discardableResult
public func pretrain(_ plan: PretrainingPlan, over world: borrowing Communicator, console: Console) throws -> PromptQuality {
  let run = Pretraining(plan)
  let lanes = try LanePlan(lanes: plan.lanes, ranks: world.size).lanes(ofRank: world.rank, of: world.size)
  let parameters = (Double(run.parameters.count) / 1e6).formatted(decimals: 2)
  console.say(
    "demo prior, \(parameters) M parameters; \(plan.lanes) scenes in a step with \(plan.promptsPerScene) prompts each; "
      + "ranks: \(world.size), threads: \(Threads.count)")
  let started = ContinuousClock.now
  for step in 0..<plan.steps {
    let loss = try run.take(step: step, lanes: lanes, over: world), done = step + 1
    let left = (ContinuousClock.now - started).seconds / Double(done) * Double(plan.steps - done)
    console.progress(
      "step \(done)/\(plan.steps)  loss \(loss.formatted(decimals: 4))  \(clockTime(left)) left", isLast: done == plan.steps)
    if done == plan.steps { break }
    if done % plan.evaluationInterval == 0 { try report(run, after: done, over: world, console) }
    if done % plan.saveInterval == 0, world.rank == 0 { try save(run, after: done) }
  }
  if world.rank == 0 { try save(run, after: plan.steps) }
  return try report(run, after: plan.steps, over: world, console)
}

@discardableResult
private func report(
  _ run: Pretraining, after step: Int, over world: borrowing Communicator, _ console: Console
) throws -> PromptQuality {
  Flight.mark(.validation)
  let quality = try PromptQuality(run.network, scenes: run.plan.heldOutScenes, seed: run.plan.seed, over: world)
  console.say("step \(step): \(quality)")
  return quality
}

/// On rank 0.
private func save(_ run: Pretraining, after step: Int) throws(WeightError) {
  Flight.mark(.checkpoint)
  try Safetensors.write(
    run.parameters.stateDict, as: .float16, metadata: PriorDescription(run.plan, steps: step).metadata, to: run.plan.output)
}

extension PretrainingPlan {
  func check(ranks: Int) throws {
    for (name, value) in [("steps", steps), ("lanes", lanes)] where value < 1 {
      throw TrainingError("\(name) is \(value): give 1 or more.")
    }
    _ = try LanePlan(lanes: lanes, ranks: ranks)
  }

  /// Before minutes are spent: the folder must be there and writable.
  fileprivate func checkOutput() throws(TrainingError) {
    let folder = URL(fileURLWithPath: output).deletingLastPathComponent().path
    guard FileManager.default.isWritableFile(atPath: folder) else {
      throw TrainingError("cannot write \(output): make the folder \(folder), or choose another.", exitCode: 79)
    }
  }
}
