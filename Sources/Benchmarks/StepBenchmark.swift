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
  let network = try makeNetwork(plan.network, plan.networkPlan)
  if let problem = patchProblem(plan.patch, divisor: network.divisor, network: plan.network) {
    throw NetworkError("patch: \(problem)")
  }
  let lack = HostMemory.problem(patch: plan.patch, isLean: plan.memory == .lean, ranks: 1) { isLean in
    Trainer(network, plan).rehearsedBytes(isLean ? .lean : .standard)
  }
  if let lack { throw NetworkError("patch \(plan.patch.map(String.init).joined(separator: ",")): \(lack)") }
  let trainer = Trainer(network, plan), foretold = trainer.rehearsedBytes(plan.memory)
  trainer.fill()
  BufferPool.resetPeak()
  let before = BufferPool.peakBytes
  for step in 0..<plan.warmup { _ = trainer.step(step, plan.memory, profile: nil) }
  var timed: [(seconds: Double, profile: Profile)] = [], loss = 0.0
  for step in 0..<plan.steps {
    let profile = Profile()
    let time = ContinuousClock().measure { loss = trainer.step(plan.warmup + step, plan.memory, profile: profile) }
    timed.append((time / .seconds(1), profile))
  }
  return StepResult(
    plan, parameters: network.parameters.count, loss: loss, timed: timed.sorted { $0.seconds < $1.seconds },
    peakBytes: peakBytes(), bufferBytes: BufferPool.peakBytes - before, foretoldBytes: foretold)
}

/// A network in training on random samples.
private final class Trainer {
  private let network: any Network
  private let optimizer: StochasticGradientDescent
  private let images: [Tensor]
  private var labels: [[UInt8]]
  private let classes: Int

  init(_ network: any Network, _ plan: StepPlan) {
    self.network = network
    optimizer = StochasticGradientDescent(network.parameters, momentum: 0.9, weightDecay: 1e-4)
    classes = plan.networkPlan.classes
    let shape = Shape([1] + plan.patch + [plan.networkPlan.inputChannels])
    images = (0..<plan.batch).map { _ in Tensor(uninitialized: shape) }
    labels = [[UInt8]](repeating: [UInt8](repeating: 0, count: shape.rows), count: plan.batch)
  }

  /// Bytes that a step takes at most.
  func rehearsedBytes(_ memory: TapeMemory) -> Int { Rehearsal.peakBytes { _ = step(0, memory, profile: nil) } }

  /// Gives the samples their random voxels and labels.
  func fill() {
    for sample in images.indices {
      let voxels = RandomKey(1).child(UInt64(sample)), classes = RandomKey(2).child(UInt64(sample))
      for i in 0..<images[sample].count { images[sample].pointer[i] = Float(voxels.gaussian(UInt64(i))) }
      labels[sample] = labels[sample].indices.map { UInt8(classes.integer(UInt64($0), below: self.classes)) }
    }
  }

  /// - Returns: the loss before the update, averaged over the samples.
  func step(_ step: Int, _ memory: TapeMemory, profile: Profile?) -> Double {
    profile?.start()
    let parameters = network.parameters, vector = parameters.count * MemoryLayout<Float>.stride
    parameters.clearGradients()
    profile?.addUpdate("clearGradients", bytes: vector)
    var loss = 0.0
    for (sample, image) in images.enumerated() {
      let tape = Tape(memory: memory, profile: profile), share = 1 / Double(images.count)
      let logits = network.logits(
        image, mode: .training(dropout: RandomKey(3).child(UInt64(step)).child(UInt64(sample))), on: tape)
      let p = tape.softmax(logits)
      let dice = tape.diceLoss(p, labels: labels[sample])
      let entropy = tape.crossEntropy(logits, probabilities: p, labels: labels[sample])
      loss += share * 0.5 * (dice.value + entropy.value)
      tape.backward(from: [(dice, weight: 0.5 * share), (entropy, weight: 0.5 * share)])
    }
    optimizer.step(rate: 0.01, gradients: parameters.gradients)
    profile?.addUpdate("gradientDescent", bytes: 5 * vector)
    return loss
  }
}
