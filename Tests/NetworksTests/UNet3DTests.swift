// The 3D U-Net against the original network's logits, gradients and losses (unet3d_base2.safetensors, made with PyTorch in float32).

import Learning
import Networks
import Tensors
import TestSupport
import Testing
import Weights

@Suite struct UNet3DTests {
  let golden: [String: StoredTensor]
  let network: any Network

  init() throws {
    golden = try Safetensors.read(fixture("unet3d_base2.safetensors"))
    network = try makeNetwork("unet3d", NetworkPlan(inputChannels: 1, classes: 3, options: ["base": "2"], seed: 1))
    try network.parameters.load(stateDict: golden, prefix: "weights.", from: "golden")
  }

  /// 0.5 (cross entropy + Dice), the objective that the golden file states.
  func objective(_ tape: Tape) throws -> (logits: Tensor, terms: [(Scalar, weight: Double)], value: Double) {
    let labels = golden["labels"]!.values.map { UInt8($0) }
    let logits = network.logits(try Tensor(channelsFirst: golden["input"]!), mode: .evaluation, on: tape)
    let p = tape.softmax(logits)
    let dice = tape.diceLoss(p, labels: labels), entropy = tape.crossEntropy(logits, probabilities: p, labels: labels)
    return (logits, [(dice, 0.5), (entropy, 0.5)], 0.5 * (dice.value + entropy.value))
  }

  @Test func logitsAndLossEqualTheOriginal() throws {
    let (logits, _, loss) = try objective(Tape(recording: false))
    #expect(differenceOverRange(logits.channelsFirst.values, golden["logits"]!.values) < 1e-4)
    #expect(abs(loss - Double(golden["loss"]!.values[0])) < 1e-4)
  }

  @Test func everyGradientEqualsTheOriginal() throws {
    let tape = Tape()
    let (_, terms, _) = try objective(tape)
    var ready: [String] = []
    tape.backward(from: terms) { ready.append($0.name) }
    // Biases in front of instance normalisation have a gradient of exactly zero here and of rounding noise in the original.
    let scale = golden.filter { $0.key.hasPrefix("gradients.") }.values.flatMap(\.values).map(abs).max()!
    for parameter in network.parameters.parameters {
      let expected = golden["gradients." + parameter.name]!.values, actual = parameter.gradient.values
      if parameter.name.hasSuffix(".0.bias") {
        #expect(actual.allSatisfy { $0 == 0 } && expected.allSatisfy { abs($0) < 1e-5 * scale }, "\(parameter.name)")
      } else {
        #expect(relativeNorm(actual, expected) < 1e-3, "\(parameter.name)")
        #expect(ready.contains(parameter.name))
      }
    }
    #expect(ready.first == "final.weight" && ready.last == "conv1.conv1.0.weight")
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

  @Test(arguments: [(16, 5_884_050), (8, 1_471_498), (4, 368_118)])
  func parameterCounts(base: Int, count: Int) throws {
    let network = try makeNetwork("unet3d", NetworkPlan(inputChannels: 1, classes: 2, options: ["base": "\(base)"], seed: 1))
    #expect(network.parameters.count == count)
  }

  @Test func unknownNamesAndOptionsAreErrors() {
    #expect(throws: NetworkError.self) { try makeNetwork("unet4d", NetworkPlan(inputChannels: 1, classes: 2, seed: 1)) }
    #expect(throws: NetworkError.self) {
      try makeNetwork("unet3d", NetworkPlan(inputChannels: 1, classes: 2, options: ["bass": "2"], seed: 1))
    }
    #expect(throws: NetworkError.self) {
      try makeNetwork("unet3d", NetworkPlan(inputChannels: 1, classes: 2, options: ["base": "-2"], seed: 1))
    }
  }
}
