// Feature maps of every network: their shapes, their gradients, and that reading them changes nothing.

import Learning
import Networks
import Tensors
import TestSupport
import Testing

@Suite(.serialized) struct FeatureTests {
  static let size = [16, 32, 32]
  static let image: Tensor = {
    let key = RandomKey(21)
    return Tensor((0..<size.reduce(1, *)).map { Float(key.gaussian(UInt64($0))) }, shape: Shape([1] + size + [1]))
  }()
  static let networks: [(name: String, options: [String: String])] = [
    ("unet3d", ["base": "4"]), ("vnet", ["base": "4"]), ("vnet", ["base": "4", "norm": "instance"]),
    ("stunet", ["base": "4", "strides": "2,2,2;2,2,2;2,2,2"]), ("plainconvunet", ["base": "4", "strides": "2,2,2;2,2,2;2,2,2"]),
  ]

  func make(_ name: String, _ options: [String: String]) throws -> any Network {
    try makeNetwork(name, NetworkPlan(inputChannels: 1, classes: 2, options: options, seed: 5))
  }

  /// The sum of x with random weights.
  func randomSum(_ x: Tensor, _ tape: Tape) -> Scalar {
    let key = RandomKey(31), weights = (0..<x.count).map { Float(key.gaussian(UInt64($0))) }
    let value = zip(weights, x.values).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    return tape.recordScalar("random sum", inputs: [x], value: value) { scale in
      tape.accumulate(Tensor(weights.map { $0 * Float(scale) }, shape: x.shape), for: x)
    }
  }

  @Test(arguments: networks) func layersHaveTheirGridAndReadingThemChangesNoLogit(name: String, options: [String: String]) throws
  {
    let network = try make(name, options), layers = FeatureLayer.allCases
    for mode in [ForwardMode.evaluation, .training(dropout: RandomKey(3))] {
      let plain = network.logits(Self.image, mode: mode, on: Tape(recording: false)).values
      let (logits, features) = network.forward(Self.image, keeping: layers, mode: mode, on: Tape())
      let isSame = logits.values == plain
      #expect(isSame)
      #expect(features.map(\.shape.channels) == layers.map(network.featureChannels))
      for (divisor, map) in zip([4, 2, 1], features.dropFirst()) {
        #expect(map.shape.spatial == Self.size.map { $0 / divisor })
      }
      #expect(features[0].shape.spatial == zip(Self.size, network.divisor).map { $0 / $1 })
    }
  }

  /// dec1 is what the classifier sees where there is no dropout.
  @Test(arguments: networks) func theClassifierReadsTheLastLayer(name: String, options: [String: String]) throws {
    let network = try make(name, options)
    let (logits, features) = network.forward(Self.image, keeping: [.dec1], mode: .evaluation, on: Tape())
    let head = ["unet3d": "final", "vnet": "out_conv", "stunet": "seg_outputs.4", "plainconvunet": "decoder.seg_layers.2"][name]!
    let again = Tape(recording: false).convolution(
      features[0], weight: network.parameters["\(head).weight"], bias: network.parameters["\(head).bias"])
    #expect(relativeNorm(again.values, logits.values) < 1e-6)
  }

  /// The derivative of a function of each layer along its gradient by the convolution in front of it, by differences. Farther back a step
  /// that is small enough for the curvature of many normalisations drowns in the rounding of Float.
  @Test(arguments: networks, [TapeMemory.standard, .lean])
  func gradientsOfALayerAreItsDifferences(network made: (name: String, options: [String: String]), memory: TapeMemory) throws {
    let network = try make(made.name, made.options), weights = network.parameters.values.values
    for layer in FeatureLayer.allCases {
      func objective(_ tape: Tape) -> Scalar {
        randomSum(
          network.forward(Self.image, keeping: [layer], mode: .training(dropout: nil), on: tape).features[0], tape)
      }
      network.parameters.clearGradients()
      let tape = Tape(memory: memory)
      var ready: [Parameter] = []
      tape.backward(from: [(objective(tape), 1)]) { if $0.gradient.values.contains(where: { $0 != 0 }) { ready.append($0) } }
      let weight = ready.first { $0.shape.rank == 5 }!, gradient = weight.gradient.values
      func moved(_ step: Float) -> Double {
        var changed = weights
        for (index, slope) in gradient.enumerated() { changed[weight.offset + index] += step * slope }
        network.parameters.load(changed)
        defer { network.parameters.load(weights) }
        return objective(Tape(recording: false)).value
      }
      func norm(_ values: [Float]) -> Float { values.reduce(0) { $0 + $1 * $1 }.squareRoot() }
      let step = 1e-4 * norm(weight.value.values) / norm(gradient), slope = Double(norm(gradient) * norm(gradient))
      let difference = (moved(step) - moved(-step)) / Double(2 * step)
      #expect(abs(difference / slope - 1) < 0.02, "\(layer) by \(weight.name): \(slope), \(difference)")
      #expect(ready.count > 1 && ready.last!.offset < weight.offset, "the backward pass goes on to \(ready.last!.name)")
    }
  }

  /// The logits and a layer both pull on the weights, and the backward pass may end at the layer.
  @Test func aBackwardPassCanEndAtALayer() throws {
    let network = try make("unet3d", ["base": "4"])
    func gradient(_ memory: TapeMemory) -> (feature: [Float], last: [Float], first: [Float]) {
      let tape = Tape(memory: memory)
      let (logits, features) = network.forward(Self.image, keeping: [.dec2], mode: .evaluation, on: tape)
      network.parameters.clearGradients()
      tape.backward(from: [(randomSum(logits, tape), 1)], to: features[0])
      return (
        tape.gradient(of: features[0])!.values, network.parameters["final.weight"].gradient.values,
        network.parameters["conv1.conv1.0.weight"].gradient.values
      )
    }
    let found = gradient(.standard), lean = gradient(.lean)
    #expect(found.feature.contains { $0 != 0 } && found.last.contains { $0 != 0 })
    #expect(found.first.allSatisfy { $0 == 0 })
    let isSame = found.feature == lean.feature && found.last == lean.last
    #expect(isSame)
  }

  @Test func aLayerThatIsNotThereIsNamedWithTheOthers() throws {
    let network = try make("plainconvunet", ["base": "4", "strides": "2,2,2;2,2,2"])
    #expect(network.featureProblem(.dec2) == nil && network.featureProblem(.bottleneck) == nil)
    #expect(
      network.featureProblem(.dec3)
        == "network plainconvunet with 3 levels has no layer dec3: take bottleneck or dec2 or dec1.")
  }
}
