// Weights of heads and labels at their resolutions against nnU-Net v2.8.1.

import Foundation
import Learning
import TestSupport
import Testing

@Suite struct DeepSupervisionTests {
  private struct Heads: Decodable {
    let scales: [[Double]]
    let weights: [Double]
  }

  @Test func weightsAreNNUNets() throws {
    let file = golden("nnunet_training.safetensors", beside: #filePath.replacing("MethodsTests", with: "LearningTests"))
    let topologies = try loadSafetensorsTexts(file).filter { $0.key.hasPrefix("supervision.") }
    #expect(topologies.count >= 4)
    for (name, text) in topologies {
      let heads = try JSONDecoder().decode(Heads.self, from: Data(text.utf8))
      let found = DeepSupervision.weights(heads: heads.scales.count)
      #expect(zip(found, heads.weights).allSatisfy { abs($0 - $1) < 1e-12 } && found.count == heads.weights.count, "\(name)")
    }
  }

  @Test func labelsOfHeadsAreNNUNets() throws {
    let file = golden("nnunet_augment.safetensors", beside: #filePath.replacing("MethodsTests", with: "PreparationTests"))
    let tensors = try loadSafetensors(file), whole = try #require(tensors["supervision.label"])
    let targets = tensors.filter { $0.key.hasPrefix("supervision.target") }
    #expect(targets.count >= 3)
    for (name, target) in targets {
      // Labels begin at -1.
      let found = DeepSupervision.labels(
        whole.floats.map { UInt8($0 + 1) }, size: Array(whole.shape[1...]), smaller: Array(target.shape[1...]))
      #expect(found.map { Float($0) - 1 } == target.floats, "\(name)")
    }
  }
}
