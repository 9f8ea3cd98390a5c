// Steps without kernels: ranks sleep for the recorded time of their lanes, everything else is real: the averager with its buffers and messages,
// the control word, checkpoints. Sleeping ranks need no processor, so many fit on few cores (shared/spec/distributed.md 3.2).

import Cluster
import Foundation
import MPI
import Training

/// How a trace is replayed.
public struct ReplayPlan: Sendable {
  public var count: StepCount
  public var seed: UInt64
  /// Values that are averaged, in place of the trace's.
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
public func replay(_ trace: LaneTrace, _ plan: ReplayPlan, over world: borrowing Communicator) throws -> MeasuredRun {
  let lanes = try LanePlan(lanes: plan.count.lanes, ranks: world.size).lanes(ofRank: world.rank, of: world.size)
  let values = plan.averagedValues ?? trace.averagedValues
  var averager: any GradientAverager = try averager(named: trace.reduction).init(parameterCount: values)
  let gradient = (0..<values).map { 1e-3 * Float($0 % 1000) }
  var average = [Float](repeating: 0, count: values)
  let checkpoints = CheckpointStore(folder: plan.folder + "/checkpoints", keep: 1)

  var walls: [Double] = [], works: [Double] = [], savings: [Double] = []
  try world.barrier()
  for step in 0..<plan.count.warmup + plan.count.steps {
    let started = ContinuousClock.now
    averager.begin()
    for lane in lanes {
      sleep(trace.draw(seed: plan.seed, step: step, lane: lane).total * plan.dilation)
      gradient.withUnsafeBufferPointer { averager.add(laneGradient: $0) }
    }
    let work = (ContinuousClock.now - started).seconds
    _ = try average.withUnsafeMutableBufferPointer { try averager.finish(into: $0, lanes: plan.count.lanes, over: world) }
    var word = ControlWord(lanes: plan.count.lanes, valuesPerLane: 1)
    word.seconds = work
    for lane in lanes { word.set([1], lane: lane) }
    _ = try word.exchange(over: world)
    let exchanged = ContinuousClock.now
    if plan.checkpointEvery > 0, (step + 1) % plan.checkpointEvery == 0 {
      _ = try checkpoints.save(CheckpointState(step: step + 1, vectors: [("student", average)]), over: world)
    }
    walls.append((ContinuousClock.now - started).seconds)
    works.append(work)
    savings.append((ContinuousClock.now - exchanged).seconds)
  }

  var mean = works, slowest = works
  try world.allreduce(&mean, .sum)
  try world.allreduce(&slowest, .maximum)
  let times = walls.indices.map { index in
    StepTime(
      wall: walls[index], mean: mean[index] / Double(world.size), slowest: slowest[index], update: 0, loading: 0,
      saving: savings[index])
  }
  return MeasuredRun(
    isReplay: true, steps: Array(times.dropFirst(plan.count.warmup)),
    averagedBytes: values * bytesOfAveragedValue(trace.reduction), backwardSeconds: trace.medianBackward,
    identity: try Identity.gather(
      settings: "\(plan.count) \(values) values, dilation \(plan.dilation), checkpoints \(plan.checkpointEvery), \(trace)",
      over: world))
}

private func sleep(_ seconds: Double) { Thread.sleep(forTimeInterval: seconds) }
