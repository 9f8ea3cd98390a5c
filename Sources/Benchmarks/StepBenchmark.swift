// One training step, timed: forward in training mode, half Dice and half cross entropy, backward, update by stochastic gradient descent.
// The image and its labels are random, so that the step does what training does without data. Axes: B batch, D H W voxels, C channels,
// K classes.

import Cluster
import Kernels
import Learning
import Networks
import Tensors

/// What is measured.
public struct StepPlan: Sendable {
  public var network: String
  public var networkPlan: NetworkPlan
  /// D, H, W in voxels.
  public var patch: [Int]
  /// Samples in a step; they run one after the other, as in training, and their gradients are averaged.
  public var batch: Int
  public var threads: Int
  public var memory: TapeMemory
  /// Steps that count.
  public var steps: Int
  /// Steps before them.
  public var warmup: Int

  public init(
    network: String, networkPlan: NetworkPlan, patch: [Int], batch: Int, threads: Int, memory: TapeMemory, steps: Int, warmup: Int
  ) {
    self.network = network
    self.networkPlan = networkPlan
    self.patch = patch
    self.batch = batch
    self.threads = threads
    self.memory = memory
    self.steps = steps
    self.warmup = warmup
  }
}

/// Runs the plan. Sets the threads of the process.
public func measureStep(_ plan: StepPlan) throws -> StepResult {
  Threads.set(plan.threads)
  let (benchmark, estimated) = try BenchmarkStep.fitting(plan)
  BufferPool.resetPeak()
  let before = BufferPool.peakBytes
  for step in 0..<plan.warmup { _ = benchmark.run(step, plan.memory, profile: nil) }
  var timed: [(seconds: Double, profile: Profile)] = [], loss = 0.0
  for step in 0..<plan.steps {
    let profile = Profile()
    let time = ContinuousClock().measure { loss = benchmark.run(plan.warmup + step, plan.memory, profile: profile) }
    timed.append((time / .seconds(1), profile))
  }
  return StepResult(
    plan, parameters: benchmark.network.parameters.count, loss: loss, timed: timed.sorted { $0.seconds < $1.seconds },
    peakBytes: peakBytes(), bufferBytes: BufferPool.peakBytes - before, estimatedBytes: estimated)
}
