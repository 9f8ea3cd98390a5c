// How long the lanes of a run take without other ranks, and when in the backward walk each gradient is ready: what a rehearsal
// replays in place of the kernels (shared/spec/distributed.md 3.2).

import Cluster
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

/// What `Run.recordLanes` found.
public struct LaneRecording: Sendable {
  public var lanes: [LaneTime] = []
  /// Floats of each array that a step averages, as in `Run.averagedArrays`.
  public var arrays: [Int] = []
  /// For each, the share of the last lane's backward walk after which it was complete.
  public var readyShares: [Double] = []
}

extension Run {
  /// Floats of each array that a step averages over the ranks, in the order of the forward pass: gradients, and after them what
  /// batch normalisations saw.
  public var averagedArrays: [Int] {
    modules.flatMap { $0.gradients.source.parameters.map(\.shape.count) }
      + modules.flatMap { $0.statistics?.source.parameters.map(\.shape.count) ?? [] }
  }

  /// Messages in which a step averages them.
  public var bucketCount: Int {
    modules.flatMap(\.averages).reduce(0) { $0 + BucketPlan(counts: $1.source.parameters.map(\.shape.count)).buckets.count }
  }

  /// Does the steps of all lanes on this process alone, as `cohort train` would, without updates.
  /// - Parameter warmup: steps before the `steps` that count.
  public static func recordLanes(_ configuration: RunConfiguration, warmup: Int, steps: Int) throws -> LaneRecording {
    try RankPlacement(over: Communicator.alone).chooseThreads(configuration.threads)
    let run = try Run(configuration, rank: 0, ranks: 1)
    try run.checkMemory(ranksOnHost: 1)
    _ = try run.priorSetup?.prepare(run.split, lanes: run.ownUnlabelled, over: Communicator.alone, console: Console(rank: 0))
    var recording = LaneRecording()
    for index in 0..<warmup + steps {
      let step = Step(index: index, total: configuration.steps, seed: configuration.seed)
      for lane in run.lanes {
        let (time, ready) = try run.timed(lane, at: step)
        guard index >= warmup else { continue }
        recording.lanes.append(time)
        recording.readyShares = ready
      }
    }
    recording.arrays = run.averagedArrays
    return recording
  }

  /// One lane, and after which share of its backward walk each averaged array was complete.
  private func timed(_ lane: Int, at step: Step) throws -> (LaneTime, ready: [Double]) {
    let started = ContinuousClock.now
    let batch = try loader.batch(lane: lane, at: step), tape = Tape(memory: memory)
    for update in modules { update.clear() }
    let terms = try method.loss(batch, at: step, on: tape)
    let walked = ContinuousClock.now
    var seconds: [ObjectIdentifier: Double] = [:]
    tape.backward(from: terms.terms.map { ($0.scalar, weight: $0.weight) }) {
      seconds[ObjectIdentifier($0)] = (ContinuousClock.now - walked).seconds
    }
    let backward = (ContinuousClock.now - walked).seconds
    // As in training, what the walk does not use is complete before it begins, such as biases that a normalisation makes idle and what
    // normalisations saw.
    let ready = modules.flatMap {
      $0.gradients.source.parameters.map { (seconds[ObjectIdentifier($0)] ?? (tape.uses($0) ? backward : 0)) / backward }
    }
    let seen = modules.flatMap { $0.statistics?.source.parameters.map { _ in 0.0 } ?? [] }
    return (LaneTime(forward: (walked - started).seconds, backward: backward), ready + seen)
  }
}
