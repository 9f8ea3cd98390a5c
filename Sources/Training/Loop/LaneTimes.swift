// How long the lanes of a run take without other ranks: what a rehearsal replays in place of the kernels
// (shared/spec/distributed.md 3.2).

import MPI
import Methods
import Tensors

/// The time of one lane in one step, seconds.
public struct LaneTime: Codable, Sendable, Equatable {
  /// Drawing the batch, networks and losses.
  public var forward: Double
  public var backward: Double

  public init(forward: Double, backward: Double) { (self.forward, self.backward) = (forward, backward) }
}

extension Run {
  /// Values in the vectors that a step averages over the ranks: gradients, and what batch normalisations saw.
  public var averagedCount: Int {
    modules.reduce(0) { $0 + $1.module.parameters.count + ($1.statistics?.source.count ?? 0) }
  }

  /// Does the steps of all lanes on this process alone, as `cohort train` would.
  /// - Returns: what the run averages, and the time of each lane in each step after the first `warmup`.
  public static func lanesAlone(
    _ configuration: RunConfiguration, warmup: Int, steps: Int
  ) throws -> (averagedCount: Int, lanes: [LaneTime]) {
    chooseThreads(configuration.integer("threads"), ranksOnHost: 1)
    let run = try Run(configuration, rank: 0, ranks: 1)
    try run.checkMemory(ranksOnHost: 1)
    _ = try run.priorSetup?.prepare(run.split, lanes: run.ownUnlabelled, over: Communicator.alone, console: Console(rank: 0))
    return (run.averagedCount, try run.laneTimes(warmup: warmup, steps: steps))
  }

  /// Does `steps` steps of this rank's lanes, without an update, after `warmup` more that are not counted.
  func laneTimes(warmup: Int, steps: Int) throws -> [LaneTime] {
    var times: [LaneTime] = []
    for index in 0..<warmup + steps {
      let step = Step(index: index, total: configuration.steps, seed: configuration.seed)
      for lane in lanes {
        let started = ContinuousClock.now
        let batch = try loader.batch(lane: lane, at: step), tape = Tape(memory: memory)
        for update in modules { update.clear() }
        let terms = try method.loss(batch, at: step, on: tape)
        let forward = ContinuousClock.now
        tape.backward(from: terms.terms.map { ($0.scalar, weight: $0.weight) })
        guard index >= warmup else { continue }
        times.append(
          LaneTime(forward: (forward - started).seconds, backward: (ContinuousClock.now - forward).seconds))
      }
    }
    return times
  }
}
