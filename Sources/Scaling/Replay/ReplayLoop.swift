// Steps without kernels: ranks sleep for the recorded time of their lanes, everything else is real: averaging bucket by bucket
// while the last lane's backward pass is slept through, the control word, checkpoints. Sleeping ranks need no processor, so many fit on
// few cores.

import Cluster
import Files
import Foundation
import Learning
import MPI
import Tensors
import Training

/// How a trace is replayed.
public struct ReplayPlan: Sendable {
  public var count: StepCount
  public var seed: UInt64
  /// Values that are averaged, in place of the trace's and in as many buckets.
  public var averagedValues: Int?
  /// How many times longer than recorded ranks sleep: the network must be slowed down alike.
  public var dilation: Double
  /// Steps between checkpoints, written to `folder`; 0 for none.
  public var checkpointEvery: Int
  public var folder: String

  public init(
    count: StepCount, seed: UInt64, averagedValues: Int?, dilation: Double, checkpointEvery: Int, folder: String
  ) {
    (self.count, self.seed, self.averagedValues) = (count, seed, averagedValues)
    (self.dilation, self.checkpointEvery, self.folder) = (dilation, checkpointEvery, folder)
  }
}

/// Rehearses the plan's steps. Collective.
public func replay(_ recorded: LaneTrace, _ plan: ReplayPlan, over world: borrowing Communicator) throws -> MeasuredRun {
  let trace = plan.averagedValues.map(recorded.shrunk) ?? recorded
  let share = Double(trace.averagedValues) / Double(recorded.averagedValues)
  let rehearsal = try RehearsedRun(trace, share: share, plan, over: world)
  try world.barrier()
  for step in 0..<plan.count.warmup + plan.count.steps { try rehearsal.take(step, over: world) }
  let steps = try rehearsal.times(over: world), buckets = rehearsal.buckets
  try rehearsal.close()
  let bytes = try averager(named: trace.reduction).bytesOfValue(lanes: plan.count.lanes, ranks: world.size)
  let settings = "\(plan.count) dilation \(plan.dilation) checkpoints \(plan.checkpointEvery) \(trace)"
  return MeasuredRun(
    isReplay: true, steps: Array(steps.dropFirst(plan.count.warmup)),
    averagedBytes: trace.averagedValues * bytes,
    buckets: buckets, backwardSeconds: trace.medianBackward,
    identity: try Identity.gather(settings: settings, over: world))
}

/// A run of which only the kernels are missing.
private final class RehearsedRun {
  private let trace: LaneTrace
  private let plan: ReplayPlan
  private let average: LaneAverage
  private let coordinated: CoordinatedStep
  private let checkpoints: CheckpointStore
  /// The order in which gradients are ready, and when.
  private let ready: [(parameter: Parameter, share: Double)]
  /// Times of each step on this rank, seconds.
  private var walls: [Double] = [], works: [Double] = [], savings: [Double] = []

  var buckets: Int { average.plan.buckets.count }

  init(_ trace: LaneTrace, share: Double, _ plan: ReplayPlan, over world: borrowing Communicator) throws {
    (self.trace, self.plan) = (trace, plan)
    try together(over: world) { _ in
      // Values, gradients, and what averages them in 64 bits.
      let shortage = FreeMemory.shortage(of: 16 * trace.averagedValues, for: "averaging \(trace.averagedValues) values")
      if let shortage { throw ScalingError("\(shortage): rehearse with fewer, averagedValues in a study or --averaged-values.") }
    }
    let set = ParameterSet(
      trace.arrays.enumerated().map { ParameterSpecification("array \($0)", Shape([$1]), .constant(0)) }, seed: plan.seed)
    for index in 0..<set.count { set.gradients.pointer[index] = 1e-3 * Float(index % 1000) }
    average = LaneAverage(set, averager: try averager(named: trace.reduction), share: share)
    coordinated = try CoordinatedStep(laneCount: plan.count.lanes, over: world)
    checkpoints = CheckpointStore(folder: plan.folder + "/checkpoints", keep: 1)
    ready = zip(set.parameters, trace.readyShares).map { ($0, $1) }.sorted { $0.share < $1.share }
  }

  func take(_ step: Int, over world: borrowing Communicator) throws {
    let started = ContinuousClock.now
    var work = 0.0
    _ = try coordinated.take([average], step: step, over: world) { pass in
      let time = trace.draw(seed: plan.seed, step: step, lane: pass.lane)
      sleep(time.forward)
      sleepThroughBackward(time.backward, pass)
      work = (ContinuousClock.now - started).seconds
      return [1]
    }
    let settled = ContinuousClock.now
    if plan.checkpointEvery > 0, (step + 1) % plan.checkpointEvery == 0 {
      let state = CheckpointState(step: step + 1, vectors: [("student", average.average.values)])
      _ = try checkpoints.save(state, over: world)
    }
    walls.append((ContinuousClock.now - started).seconds)
    works.append(work)
    savings.append((ContinuousClock.now - settled).seconds)
  }

  /// Sleeps through the backward pass of a lane; gradients are ready when they were in the recording.
  private func sleepThroughBackward(_ seconds: Double, _ pass: LanePass) {
    let started = ContinuousClock.now
    for (parameter, share) in ready {
      sleep(share * seconds - (ContinuousClock.now - started).seconds / plan.dilation)
      pass.markReady(parameter)
    }
    sleep(seconds - (ContinuousClock.now - started).seconds / plan.dilation)
  }

  /// The times of all steps. Collective.
  func times(over world: borrowing Communicator) throws -> [StepTime] {
    var mean = works, slowest = works
    try world.allreduce(&mean, .sum)
    try world.allreduce(&slowest, .maximum)
    return walls.indices.map { index in
      StepTime(
        wall: walls[index], mean: mean[index] / Double(world.size), slowest: slowest[index], update: 0, loading: 0,
        saving: savings[index])
    }
  }

  func close() throws { try coordinated.close() }

  /// - Parameter seconds: of the recording; nothing if not above zero.
  private func sleep(_ seconds: Double) {
    // A sleep shorter than the system's own delay would only add to it.
    if seconds * plan.dilation > 50e-6 { Thread.sleep(forTimeInterval: seconds * plan.dilation) }
  }
}
