// Class activation maps: the analytic case, both kinds, whole volumes.

import Learning
import Networks
import Preparation
import Tensors
import Testing
import Training
import Volumes

@Suite struct ActivationMapsTests {
  static let key = RandomKey(41)

  /// A 1x1x1 classifier on features A: the mean gradient of channel k is the weight times |S| / n³.
  @Test func aLinearClassifierHasItsWeightsTimesTheShareOfItsVoxels() throws {
    let side = 4, channels = 3, classes = 2, cells = side * side * side
    let features = Tensor(
      (0..<cells * channels).map { Float(Self.key.gaussian(UInt64($0))) }, shape: [1, side, side, side, channels])
    let set = ParameterSet(
      .convolution("head", inputs: channels, outputs: classes, kernel: [1, 1, 1], stride: [1, 1, 1], .kaiming), seed: 3)
    let tape = Tape(), a = tape.variable(features)
    let logits = tape.convolution(a, weight: set["head.weight"], bias: set["head.bias"])
    let voxels = Array(stride(from: 1, to: cells, by: 3)), label = 1
    tape.backward(from: [(tape.classScore(logits, label: label, voxels: voxels), 1)], to: a)
    let gradient = try #require(tape.gradient(of: a)),
      weights = (0..<channels).map { set["head.weight"].value.values[label * channels + $0] }
    let share = Double(voxels.count) / Double(cells)
    for (alpha, weight) in zip(channelWeights(gradient), weights) { #expect(abs(alpha - Double(weight) * share) < 1e-7) }

    let grad = activationMap(features: features, gradient: gradient, kind: .gradcam)
    let fine = activationMap(features: features, gradient: gradient, kind: .hirescam)
    for cell in 0..<cells {
      let sum = (0..<channels).reduce(Float(0)) { $0 + weights[$1] * features.values[cell * channels + $1] }
      #expect(abs(grad[cell] - max(0, Float(share) * sum)) < 1e-5)
      #expect(abs(fine[cell] - (voxels.contains(cell) ? max(0, sum) : 0)) < 1e-5)
    }
  }

  func mapper(_ layer: FeatureLayer, label: Int, kind: ActivationKind = .gradcam) throws -> ActivationMapper {
    let network = try makeNetwork("unet3d", NetworkPlan(inputChannels: 1, classes: 3, options: ["base": "2"], seed: 8))
    let segmenter = Segmenter(networks: [network], patch: Extent(16, 16, 32), classes: 3, overlap: 0.5, weighting: .gaussian)
    return try ActivationMapper(segmenter: segmenter, layer: layer, label: label, kind: kind)
  }

  @Test(arguments: FeatureLayer.allCases, ActivationKind.allCases)
  func mapsOfAVolumeRunFromZeroToOneWhereTheClassIsPredicted(layer: FeatureLayer, kind: ActivationKind) throws {
    let volume = TinyCohort.phantom("test-1", .test)
    let plain = try mapper(layer, label: 1).segmenter.labels(of: volume)
    let present = Set(plain).subtracting([0]), absent = Set([UInt8(1), 2]).subtracting(present)
    #expect(!present.isEmpty)
    for label in present {
      let (map, prediction) = try mapper(layer, label: Int(label), kind: kind).map(of: volume)
      let isSame = prediction == plain
      #expect(isSame, "the same windows, the same prediction")
      #expect(map.count == volume.extent.count && map.min() == 0 && map.max()! <= 1)
      // A map is flat only where no channel counts for the class.
      #expect(map.max()! > 0.99 || map.allSatisfy { $0 == 0 })
    }
    for label in absent { #expect(try mapper(layer, label: Int(label), kind: kind).map(of: volume).map.allSatisfy { $0 == 0 }) }
  }

  @Test func aLayerOrClassThatIsNotThereIsRefused() throws {
    #expect(throws: TrainingError.self) { try mapper(.dec2, label: 3) }
    #expect(throws: TrainingError.self) { try mapper(.dec2, label: 0) }
    let network = try makeNetwork(
      "plainconvunet", NetworkPlan(inputChannels: 1, classes: 2, options: ["base": "2", "strides": "2,2,2"], seed: 8))
    let segmenter = Segmenter(networks: [network], patch: Extent(16, 16, 32), classes: 2, overlap: 0.5, weighting: .gaussian)
    let error = #expect(throws: TrainingError.self) {
      try ActivationMapper(segmenter: segmenter, layer: .dec2, label: 1, kind: .gradcam)
    }
    #expect(error?.description.contains("no layer dec2") == true)
  }
}
