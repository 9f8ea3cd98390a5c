// The V-Net against the original network's logits, gradients and losses in training mode (vnet_base2_batchnorm.safetensors, made with PyTorch
// in float32: two samples, batch statistics, no dropout), and against PyTorch's rules for running statistics.

import Kernels
import Learning
import Networks
import Tensors
import TestSupport
import Testing
import Weights

@Suite struct VNetTests {
  let golden: [String: StoredTensor]
  let network: any Network

  init() throws {
    golden = try Safetensors.read(fixture("vnet_base2_batchnorm.safetensors"))
    network = try makeNetwork("vnet", NetworkPlan(inputChannels: 1, classes: 3, options: ["base": "2"], seed: 1))
    for set in network.state { try set.load(stateDict: golden, prefix: "weights.", from: "golden") }
  }

  /// 0.5 (cross entropy + Dice) with sums over the whole batch, the objective that the golden file states.
  func objective(_ tape: Tape) throws -> (logits: Tensor, terms: [(Scalar, weight: Double)], value: Double) {
    let labels = golden["labels"]!.values.map { UInt8($0) }
    let logits = network.logits(try Tensor(channelsFirst: golden["input"]!), mode: .training(dropout: nil), on: tape)
    let whole = asOneSample(logits, on: tape), p = tape.softmax(whole)
    let dice = tape.diceLoss(p, labels: labels), entropy = tape.crossEntropy(whole, probabilities: p, labels: labels)
    return (logits, [(dice, 0.5), (entropy, 0.5)], 0.5 * (dice.value + entropy.value))
  }

  /// The samples of a batch behind each other in depth: losses then sum over all of them.
  func asOneSample(_ x: Tensor, on tape: Tape) -> Tensor {
    let shape = x.shape, joined = Shape([1, shape[0] * shape[1]] + shape.sizes[2...])
    return tape.record("reshape", inputs: [x], output: Tensor(shape: joined, storage: x.storage, offset: 0)) { dy in
      tape.accumulate(Tensor(shape: shape, storage: dy.storage, offset: 0), for: x)
    }
  }

  @Test func logitsAndLossEqualTheOriginal() throws {
    let (logits, _, loss) = try objective(Tape(recording: false))
    #expect(differenceOverRange(logits.channelsFirst.values, golden["logits"]!.values) < 1e-4)
    #expect(abs(loss - Double(golden["loss"]!.values[0])) < 1e-4)
  }

  @Test func everyGradientEqualsTheOriginal() throws {
    let tape = Tape()
    tape.backward(from: try objective(tape).terms)
    // Biases in front of batch normalisation have a gradient of exactly zero here and of rounding noise in the original.
    let scale = golden.filter { $0.key.hasPrefix("gradients.") }.values.flatMap(\.values).map(abs).max()!
    for parameter in network.parameters.parameters {
      let expected = golden["gradients." + parameter.name]!.values, actual = parameter.gradient.values
      if parameter.shape.rank == 1, isConvolution(parameter.name), parameter.name != "out_conv.bias" {
        #expect(actual.allSatisfy { $0 == 0 } && expected.allSatisfy { abs($0) < 1e-4 * scale }, "\(parameter.name)")
      } else {
        #expect(relativeNorm(actual, expected) < 1e-3, "\(parameter.name)")
      }
    }
  }

  func isConvolution(_ name: String) -> Bool {
    Int(name.split(separator: ".").dropLast().last ?? "").map { $0 % 3 == 0 } ?? false
  }

  @Test func threeStepsOfDescentGiveTheOriginalLosses() throws {
    let optimizer = StochasticGradientDescent(network.parameters)
    for step in 0..<3 {
      let tape = Tape()
      let (_, terms, loss) = try objective(tape)
      #expect(abs(loss - Double(golden["loss_after_\(step)"]!.values[0])) < 1e-4, "step \(step)")
      network.parameters.clearGradients()
      tape.backward(from: terms)
      optimizer.step(learningRate: 0.01, gradients: network.parameters.gradients)
    }
  }

  @Test func evaluationByTheStatisticsOfTheBatchEqualsTraining() throws {
    let statistics = network.statistics!, image = try Tensor(channelsFirst: golden["input"]!), tape = Tape(recording: false)
    // Biases that are not zero: training leaves them out, evaluation must add what the running mean has of them.
    for name in ["block_one.conv.0.bias", "block_two_dw.conv.0.bias", "block_five_up.conv.0.bias"] {
      network.parameters[name].value.pointer[0] = 0.7
    }
    let trained = network.logits(image, mode: .training(dropout: nil), on: tape)
    let seen = statistics.buffers.gradients.values
    statistics.buffers.load(seen)
    // Training normalises by the variance with bias, and tracks it without.
    let specifications = try VNet.specification(NetworkPlan(inputChannels: 1, classes: 3, options: ["base": "2"], seed: 1))
    for variance in statistics.buffers.parameters where variance.name.hasSuffix(".running_var") {
      let parts = variance.name.split(separator: "."), convolution = "\(parts[0]).conv.\(Int(parts[2])! - 1).weight"
      let stride = specifications.first { $0.name == convolution }!.stride![0] / (parts[0].hasSuffix("_up") ? 2 : 1)
      let rows = Float(image.count / (stride * stride * stride))
      for channel in 0..<variance.shape.count { variance.value.pointer[channel] *= (rows - 1) / rows }
    }
    let evaluated = network.logits(image, mode: .evaluation, on: tape)
    #expect(differenceOverRange(evaluated.values, trained.values) < 1e-4)
    #expect(statistics.buffers.gradients.values == seen, "evaluation observes nothing")
  }

  @Test func runningStatisticsMoveAsInPyTorch() {
    let statistics = RunningStatistics([("norm", 2)])
    let bias = ParameterSet([ParameterSpecification("bias", [2], .constant(3))], seed: 1).parameters[0]
    // Two passes in one step: their mean counts, the variance without bias.
    statistics.observe("norm", ChannelMoments(mean: [1, 2], variance: [4, 9]), rows: 5, offset: bias)
    statistics.observe("norm", ChannelMoments(mean: [2, 4], variance: [8, 9]), rows: 5, offset: bias)
    statistics.move(towards: statistics.buffers.gradients)
    func close(_ a: [Double], _ b: [Double]) -> Bool { zip(a, b).allSatisfy { abs($0 - $1) < 1e-6 } }
    #expect(close(statistics["norm"].mean, [0.1 * (1.5 + 3), 0.1 * (3 + 3)]))
    #expect(close(statistics["norm"].variance, [0.9 + 0.1 * 6 * 1.25, 0.9 + 0.1 * 9 * 1.25]))
    #expect(statistics.buffers["norm.num_batches_tracked"].value.values == [1])
    statistics.buffers.clearGradients()
    statistics.move(towards: statistics.buffers.gradients)
    #expect(statistics.buffers["norm.num_batches_tracked"].value.values == [1], "nothing was seen")
  }

  @Test func theStateDictIsThatOfTheOriginal() {
    let names = Set(network.state.flatMap { $0.stateDict.keys }), counts = names.filter { $0.hasSuffix(".num_batches_tracked") }
    #expect(names.subtracting(counts) == Set(golden.keys.filter { $0.hasPrefix("weights.") }.map { String($0.dropFirst(8)) }))
    #expect(counts.count == golden.keys.filter { $0.hasSuffix(".running_mean") }.count)
    #expect(counts.allSatisfy { network.statistics!.buffers[$0].shape == [] }, "a number without axes, as PyTorch has it")
  }

  @Test func dropoutActsOnlyInTrainingWithBatchNormalisation() throws {
    let image = try Tensor(channelsFirst: golden["input"]!), tape = Tape(recording: false)
    let key = ForwardMode.training(dropout: RandomKey(3)), off = ForwardMode.training(dropout: nil)
    let dropped = network.logits(image, mode: key, on: tape).values
    #expect(dropped == network.logits(image, mode: key, on: tape).values)
    #expect(dropped != network.logits(image, mode: off, on: tape).values)
    let plan = NetworkPlan(inputChannels: 1, classes: 3, options: ["base": "2", "norm": "instance"], seed: 1)
    let instance = try makeNetwork("vnet", plan)
    #expect(instance.logits(image, mode: key, on: tape).values == instance.logits(image, mode: .evaluation, on: tape).values)
    #expect(instance.statistics == nil && instance.state.count == 1)
  }

  @Test(arguments: [(2, "batch", 9_448_866), (9, "batch", 9_448_985), (14, "batch", 9_449_070), (14, "instance", 9_443_470)])
  func parameterCounts(classes: Int, norm: String, count: Int) throws {
    let plan = NetworkPlan(inputChannels: 1, classes: classes, options: ["norm": norm], seed: 1)
    #expect(try VNet.specification(plan).parameterCount == count)
  }
}
