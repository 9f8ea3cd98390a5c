// How long the lanes of a run take without other ranks, and when in the backward pass each gradient is ready: what a rehearsal
// replays in place of the kernels.

import Cluster
import MPI
import Methods
import Preparation
import Tensors
import Training

/// The time of one lane in one step, seconds.
public struct LaneTime: Codable, Sendable, Equatable {
  /// Drawing the batch, networks and losses.
  public var forward: Double
  public var backward: Double

  public init(forward: Double, backward: Double) { (self.forward, self.backward) = (forward, backward) }
}

/// The times of lanes, as `LaneRecording.init` measures them.
public struct LaneRecording: Sendable {
  public var lanes: [LaneTime] = []
  /// The number of floats of each array that a step averages, as in `Work.averagedArrays`.
  public var arrays: [Int] = []
  /// The share of the last lane's backward pass after which each array's gradient was complete.
  public var readyShares: [Double] = []
}

extension Work {
  /// The number of floats of each array that a step averages over the ranks, in the order of the forward pass: gradients, and after them what batch
  /// normalisations saw.
  var averagedArrays: [Int] {
    modules.flatMap { $0.gradientAverage.source.parameters.map(\.shape.count) }
      + modules.flatMap { $0.statisticsAverage?.source.parameters.map(\.shape.count) ?? [] }
  }

  /// The number of messages in which a step averages them.
  var bucketCount: Int {
    modules.flatMap(\.averages).reduce(0) { $0 + BucketPlan(counts: $1.source.parameters.map(\.shape.count)).buckets.count }
  }
}

extension LaneRecording {
  /// Runs the steps of all lanes of the first stage on this process alone, as `cohort train` would, without updates.
  /// - Parameter warmup: steps before the `steps` that count.
  public init(_ configuration: RunConfiguration, warmup: Int, steps: Int) throws {
    try RankPlacement(over: Communicator.alone).chooseThreads(configuration.threads)
    let run = try Run(configuration, rank: 0, ranks: 1), stage = run.stage
    try run.checkMemory(of: stage, ranksOnHost: 1)
    _ = try stage.work.prepare(over: Communicator.alone, console: Console(rank: 0))
    for index in 0..<warmup + steps {
      let step = Step(index: index, total: stage.steps, seed: configuration.seed)
      for lane in 0..<configuration.lanes {
        let (time, ready) = try Self.timed(lane, of: stage, at: step)
        guard index >= warmup else { continue }
        lanes.append(time)
        readyShares = ready
      }
    }
    arrays = stage.work.averagedArrays
  }

  /// One lane, and after which share of its backward pass each averaged array was complete.
  private static func timed(_ lane: Int, of stage: Stage, at step: Step) throws -> (LaneTime, ready: [Double]) {
    let started = ContinuousClock.now, modules = stage.work.modules
    let batch = try stage.work.batch(lane: lane, at: step), tape = Tape(memory: stage.configuration.memory)
    _ = try batch.counts?()
    for update in modules { update.clear() }
    let terms = try batch.loss(tape), began = ContinuousClock.now
    var seconds: [ObjectIdentifier: Double] = [:]
    tape.backward(from: terms.terms.map { ($0.scalar, weight: $0.weight) }) {
      seconds[ObjectIdentifier($0)] = (ContinuousClock.now - began).seconds
    }
    let backward = (ContinuousClock.now - began).seconds
    // As in training, what the backward pass does not use is complete before it begins, such as biases that a normalisation makes idle and what
    // normalisations saw.
    let ready = modules.flatMap {
      $0.gradientAverage.source.parameters.map { (seconds[ObjectIdentifier($0)] ?? (tape.uses($0) ? backward : 0)) / backward }
    }
    let seen = modules.flatMap { $0.statisticsAverage?.source.parameters.map { _ in 0.0 } ?? [] }
    return (LaneTime(forward: (began - started).seconds, backward: backward), ready + seen)
  }
}
