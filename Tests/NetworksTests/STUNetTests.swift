// STU-Net against the original network (stunet_width2_2channels.safetensors, made with PyTorch in float32, loss on the full-resolution head)
// and against the independent double-precision golden of `AnalyticGolden` (all heads, deep supervision).

import Foundation
import Learning
import Networks
import Tensors
import TestSupport
import Testing
import Weights

@Suite struct STUNetTests {
  @Test func logitsLossAndEveryGradientEqualTheOriginal() throws {
    let golden = try Safetensors.read(fixture("stunet_width2_2channels.safetensors"))
    let options = ["widths": "2,4,8,16,24,24", "strides": "1,2,2;2,2,2;2,2,2;2,2,2;2,2,2"]
    let network = try makeNetwork("stunet", NetworkPlan(inputChannels: 2, classes: 3, options: options, seed: 1))
    try network.parameters.load(stateDict: golden, prefix: "weights.", from: "golden")
    let optimizer = StochasticGradientDescent(network.parameters)
    for step in 0..<3 {
      let tape = Tape(), labels = golden["labels"]!.values.map { UInt8($0) }
      let logits = network.logits(try Tensor(channelsFirst: golden["input"]!), mode: .training(dropout: nil), on: tape)
      let p = tape.softmax(logits)
      let dice = tape.diceLoss(p, labels: labels), entropy = tape.crossEntropy(logits, probabilities: p, labels: labels)
      #expect(abs(0.5 * (dice.value + entropy.value) - Double(golden["loss_after_\(step)"]!.values[0])) < 1e-4)
      network.parameters.clearGradients()
      tape.backward(from: [(dice, 0.5), (entropy, 0.5)])
      if step == 0 {
        #expect(differenceOverRange(logits.channelsFirst.values, golden["logits"]!.values) < 1e-4)
        checkGradients(network.parameters, golden)
      }
      optimizer.step(learningRate: 0.01, gradients: network.parameters.gradients)
    }
  }

  /// Biases in front of a normalisation, and all of a head that is not asked for, have no gradient.
  func checkGradients(_ parameters: ParameterSet, _ golden: [String: StoredTensor]) {
    let scale = golden.filter { $0.key.hasPrefix("gradients.") }.values.flatMap(\.values).map(abs).max()!
    for parameter in parameters.parameters {
      let expected = golden["gradients." + parameter.name]?.values ?? [0], actual = parameter.gradient.values
      if expected.allSatisfy({ abs($0) < 1e-5 * scale }) {
        #expect(actual.allSatisfy { abs($0) < 1e-5 * scale }, "\(parameter.name)")
      } else {
        #expect(relativeNorm(actual, expected) < 1e-3, "\(parameter.name)")
      }
    }
  }

  let heads = [
    HeadGolden(
      size: [32, 64, 64], sums: [26357.690329, 29288.564619, 19222.713475], squares: 26432.421136,
      ends: [0.035268512386, 0.052899687615]),
    HeadGolden(
      size: [32, 32, 32], sums: [8858.766870, 4373.288520, -5848.913336], squares: 5730.114186,
      ends: [0.049226516622, -0.035465343046]),
    HeadGolden(
      size: [16, 16, 16], sums: [1267.491186, -348.066040, -434.579819], squares: 880.541593,
      ends: [0.034593938876, -0.225388611413]),
    HeadGolden(
      size: [8, 8, 8], sums: [156.905604, -123.338067, 132.193577], squares: 163.412759, ends: [0.051844074027, 0.075235599788]),
    HeadGolden(
      size: [4, 4, 4], sums: [30.455769, -28.178033, 20.418984], squares: 74.763357, ends: [0.147987728130, 0.046154791396]),
  ]
  /// Cross entropy and negative soft Dice of each head.
  let losses = [
    (1.087671503533, 0.099055334452), (0.955518941744, 0.098401385495), (0.947740185482, 0.088775725299),
    (1.011053110381, 0.072580955376), (1.057794468139, 0.058683169918),
  ]
  let gradients: [(String, Int, Double)] = [
    ("conv_blocks_context.0.0.conv1.weight", 0, -2.748458e-3), ("conv_blocks_context.0.0.conv3.weight", 1, -2.088993e-3),
    ("conv_blocks_context.5.0.conv2.weight", 7, 4.885696e-3), ("upsample_layers.0.conv.weight", 3, 8.674317e-4),
    ("conv_blocks_localization.4.0.norm1.weight", 0, 2.911067e-5),
    ("conv_blocks_localization.2.0.norm2.bias", 5, -2.011590e-3), ("seg_outputs.4.weight", 0, -1.037840e-1),
    ("seg_outputs.4.bias", 1, 1.171784e-1), ("seg_outputs.1.weight", 2, -1.171269e-2),
  ]

  @Test func everyHeadAndItsGradientsEqualTheIndependentGolden() throws {
    let options = ["widths": "2,4,6,8,10,10", "strides": "1,2,2;2,2,2;2,2,2;2,2,2;2,2,2"], size = [32, 64, 64]
    let network = try makeNetwork("stunet", NetworkPlan(inputChannels: 1, classes: 3, options: options, seed: 1))
    #expect(network.parameters.parameters.count == 130 && network.parameters.count == 35_121)
    fillByFormula(network.parameters)
    let tape = Tape(), logits = network.allLogits(imageByFormula(size, channels: 1), mode: .evaluation, on: tape)
    for (head, golden) in zip(logits, heads) { #expect(golden.disagreement(head) < 1e-4, "\(golden.size)") }

    let labels = target(size), weights = DeepSupervision.weights(heads: 5)
    #expect(weights == [8, 4, 2, 1, 0].map { $0 / 15 })
    #expect((0...2).map { k in labels.count { $0 == k } } == [114457, 14598, 2017])
    var terms: [(Scalar, weight: Double)] = [], total = 0.0
    for (index, head) in logits.enumerated() {
      let coarse = DeepSupervision.labels(labels, size: size, smaller: head.shape.spatial), p = tape.softmax(head)
      let entropy = tape.crossEntropy(head, probabilities: p, labels: coarse), dice = foregroundDice(p, coarse, tape)
      #expect(abs(entropy.value - losses[index].0) < 1e-4 && abs(dice.value - losses[index].1) < 1e-4, "head \(index)")
      terms += [(entropy, weights[index]), (dice, -weights[index])]
      total += weights[index] * (entropy.value - dice.value)
    }
    #expect(abs(total - 0.932920043535) < 1e-4)
    tape.backward(from: terms)
    for (name, index, expected) in gradients {
      let gradient = network.parameters[name].gradient.values
      // One element of a gradient is compared with finite differences: to a thousandth of it, or of the array's largest.
      let scale = max(abs(expected), 0.1 * Double(gradient.map(abs).max()!))
      #expect(abs(Double(gradient[index]) - expected) < 1e-3 * scale, "\(name)")
    }
  }

  /// Two balls, one in the other.
  func target(_ size: [Int]) -> [UInt8] {
    (0..<size.reduce(1, *)).map { index in
      let z = Double(index / (64 * 64)) - 16, y = (Double(index / 64 % 64) - 32) / 2, x = (Double(index % 64) - 32) / 2
      let q = z * z + y * y + x * x
      return q < 25 ? 2 : q < 100 ? 1 : 0
    }
  }

  /// nnU-Net's soft Dice: the mean over foreground classes of (2 Σ p y + ε) / (Σ p + Σ y + ε).
  func foregroundDice(_ p: Tensor, _ labels: [UInt8], _ tape: Tape, epsilon: Double = 1e-5) -> Scalar {
    let values = p.values, classes = p.shape.channels
    var both = [Double](repeating: 0, count: classes), size = both
    for (voxel, label) in labels.enumerated() {
      both[Int(label)] += Double(values[voxel * classes + Int(label)])
      size[Int(label)] += 1
      for k in 0..<classes { size[k] += Double(values[voxel * classes + k]) }
    }
    let foreground = 1..<classes, share = 1 / Double(classes - 1)
    let dice = foreground.reduce(0.0) { $0 + share * (2 * both[$1] + epsilon) / (size[$1] + epsilon) }
    return tape.recordScalar("foreground Dice", inputs: [p], value: dice) { seed in
      var gradient = [Float](repeating: 0, count: p.count)
      for (voxel, label) in labels.enumerated() {
        for k in foreground {
          let denominator = size[k] + epsilon, ratio = (2 * both[k] + epsilon) / denominator
          gradient[voxel * classes + k] = Float(seed * share * ((Int(label) == k ? 2 : 0) - ratio) / denominator)
        }
      }
      tape.accumulate(Tensor(gradient, shape: p.shape), for: p)
    }
  }

  @Test func headsThatAreNotAskedForAreNotComputed() throws {
    let network = try makeNetwork(
      "stunet", NetworkPlan(inputChannels: 1, classes: 2, options: ["widths": "2,2,2,2,2,2"], seed: 1))
    let image = imageByFormula([32, 32, 64], channels: 1), one = Tape(), all = Tape()
    let logits = network.logits(image, mode: .evaluation, on: one), every = network.allLogits(image, mode: .evaluation, on: all)
    #expect(every.count == 5 && every[0].values == logits.values)
    #expect(all.operations.count == one.operations.count + 4)
  }

  @Test(arguments: [
    ("S", 105, 14_596_941, 448), ("S", 2, 14_545_338, 448), ("B", 105, 58_262_669, 896), ("B", 2, 58_159_978, 896),
    ("L", 105, 440_302_605, 1792), ("L", 2, 440_097_738, 1792), ("H", 105, 1_457_326_221, 2688), ("H", 2, 1_457_019_178, 2688),
  ])
  func parameterCounts(variant: String, classes: Int, count: Int, furtherChannel: Int) throws {
    func specification(channels: Int) throws -> [ParameterSpecification] {
      try STUNet.specification(
        NetworkPlan(inputChannels: channels, classes: classes, options: ["variant": variant], seed: 1))
    }
    let one = try specification(channels: 1), tensors = ["S": 130, "B": 130, "L": 218, "H": 306]
    #expect(one.parameterCount == count && one.count == tensors[variant])
    #expect(try specification(channels: 3).parameterCount == count + 2 * furtherChannel)
  }

  @Test(arguments: [
    ("base", "0"), ("depth", "x"), ("widths", "1,2,3"), ("strides", "2,2"), ("strides", "2,2,0"), ("variant", "XL"),
    ("width", "4"),
  ])
  func errorsOfBadOptionsHaveAHint(name: String, value: String) {
    #expect {
      try makeNetwork("stunet", NetworkPlan(inputChannels: 1, classes: 2, options: [name: value], seed: 1))
    } throws: {
      ($0 as? NetworkError)?.description.contains(name) == true && [".", "?"].contains("\($0)".last)
    }
  }

  @Test(arguments: [
    ("2,2,2", [2, 2, 2]), ("1,2,2;2,2,2;1,1,2", [2, 4, 8]), ("2,2,2;2,2,2;2,2,2;2,2,2;2,2,2;2,2,2", [32, 32, 32]),
  ])
  func strideListsAreFilledUpOrCutToFive(strides: String, divisor: [Int]) throws {
    let options = ["widths": "2,2,2,2,2,2", "strides": strides]
    let network = try makeNetwork("stunet", NetworkPlan(inputChannels: 1, classes: 2, options: options, seed: 1))
    #expect(network.divisor == divisor && network.parameters.parameters.count == 130)
    let size = divisor.map { 2 * $0 }
    let logits = network.logits(imageByFormula(size, channels: 1), mode: .evaluation, on: Tape(recording: false))
    #expect(logits.shape.spatial == size)
  }
}
