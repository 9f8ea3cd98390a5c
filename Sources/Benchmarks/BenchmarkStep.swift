// The training step that the benchmarks time: of a network on random voxels and labels.

import Cluster
import Kernels
import Learning
import Networks
import Tensors

/// The training step of a network on random samples.
final class BenchmarkStep {
  let network: any Network
  let optimizer: StochasticGradientDescent
  let images: [Tensor]
  private var labels: [[UInt8]]
  private let classes: Int

  /// Makes a step that fits into the memory of this host, and estimates the bytes that it takes at most.
  /// - Parameter ranksOnHost: ranks that share the memory.
  static func fitting(_ plan: StepPlan, ranksOnHost: Int = 1) throws -> (benchmark: BenchmarkStep, estimatedBytes: Int) {
    let network = try makeNetwork(plan.network, plan.networkPlan)
    if let problem = patchProblem(plan.patch, divisor: network.divisor, network: plan.network) {
      throw NetworkError("patch: \(problem)")
    }
    let sample = plan.networkPlan.inputChannels * MemoryLayout<Float>.stride + MemoryLayout<UInt8>.stride
    let lack = HostMemory.problem(
      patch: plan.patch, sampleBytes: plan.batch * sample, isLean: plan.memory == .lean, ranks: ranksOnHost
    ) { isLean in
      BenchmarkStep(network, plan).rehearsedBytes(isLean ? .lean : .standard)
    }
    if let lack { throw NetworkError("patch \(plan.patch.map(String.init).joined(separator: ",")): \(lack)") }
    let benchmark = BenchmarkStep(network, plan), estimated = benchmark.rehearsedBytes(plan.memory)
    benchmark.fill()
    return (benchmark, estimated)
  }

  /// A step whose samples have no voxels yet, which is enough for a rehearsal.
  init(_ network: any Network, _ plan: StepPlan) {
    self.network = network
    optimizer = StochasticGradientDescent(network.parameters)
    classes = plan.networkPlan.classes
    let shape = Shape([1] + plan.patch + [plan.networkPlan.inputChannels])
    images = (0..<plan.batch).map { _ in Tensor(uninitialized: shape) }
    labels = [[UInt8]](repeating: [UInt8](repeating: 0, count: shape.rows), count: plan.batch)
  }

  /// Bytes that a step takes at most.
  func rehearsedBytes(_ memory: TapeMemory) -> Int { Rehearsal.peakBytes { _ = run(0, memory, profile: nil) } }

  /// Gives the samples their random voxels and labels.
  private func fill() {
    for sample in images.indices {
      let voxels = RandomKey(1).child(UInt64(sample)), classes = RandomKey(2).child(UInt64(sample))
      for i in 0..<images[sample].count { images[sample].pointer[i] = Float(voxels.gaussian(UInt64(i))) }
      labels[sample] = labels[sample].indices.map { UInt8(classes.integer(UInt64($0), below: self.classes)) }
    }
  }

  /// - Returns: the loss before the update, averaged over the samples.
  func run(_ step: Int, _ memory: TapeMemory, profile: Profile?) -> Double {
    profile?.start()
    let parameters = network.parameters, vector = parameters.count * MemoryLayout<Float>.stride
    parameters.clearGradients()
    profile?.addUpdate("clearGradients", bytes: vector)
    var loss = 0.0
    for sample in images.indices {
      let tape = Tape(memory: memory, profile: profile), share = 1 / Double(images.count)
      let terms = terms(sample, at: step, share: share, on: tape)
      loss += terms.reduce(0) { $0 + $1.weight * $1.0.value }
      tape.backward(from: terms)
    }
    optimizer.step(learningRate: 0.01, gradients: parameters.gradients)
    profile?.addUpdate("gradientDescent", bytes: 5 * vector)
    return loss
  }

  /// Half Dice and half cross entropy of a sample, times `share`.
  func terms(_ sample: Int, at step: Int, share: Double, on tape: Tape) -> [(Scalar, weight: Double)] {
    let logits = network.logits(
      images[sample], mode: .training(dropout: RandomKey(3).child(UInt64(step)).child(UInt64(sample))), on: tape)
    let p = tape.softmax(logits)
    return [
      (tape.diceLoss(p, labels: labels[sample]), weight: 0.5 * share),
      (tape.crossEntropy(logits, probabilities: p, labels: labels[sample]), weight: 0.5 * share),
    ]
  }
}
