// `cohort network forward --network sam-med3d`: the embedding of an image, and the logits that prompts give with it.

import ArgumentParser
import Networks
import Tensors
import Training
import Weights

/// Runs SAM-Med3D on the tensors of a file.
struct PriorForward {
  let weights: String
  let input: String
  let output: String
  let padding: WindowPadding

  func run() throws {
    let network = try SAMMed3D(file: weights, padding: padding), tape = Tape(recording: false)
    let stored = try Safetensors.read(input), side = network.plan.imageSize, low = network.plan.lowResolution
    let image = try tensor("input", of: stored, shape: [1, 1, side, side, side])
    let embedding = network.embedding(image, on: tape)
    var results = ["embedding": embedding.channelsFirst]
    if stored["mask_prompt"] != nil || stored["point"] != nil {
      let shape = [1, 1, low, low, low]
      let mask = stored["mask_prompt"] == nil ? nil : try tensor("mask_prompt", of: stored, shape: shape)
      // Without a mask, zeros: "no mask" was never trained.
      let logits = network.logits(
        embedding: embedding, mask: mask ?? Tensor(zeros: [1, low, low, low, 1]), points: try points(of: stored), on: tape)
      results["lowres_logits"] = logits.channelsFirst
    }
    try Safetensors.write(results, metadata: ["command": NetworkCommand.Forward.command], to: output)
    for (name, tensor) in results.sorted(by: { $0.key < $1.key }) { print("\(name) \(tensor.shape) written to \(output)") }
  }

  private func tensor(_ name: String, of stored: [String: StoredTensor], shape: [Int]) throws -> Tensor {
    guard let found = stored[name], found.shape == shape else {
      let fact = stored[name].map { "of shape \($0.shape)" } ?? "missing"
      throw WeightError("\(input): tensor \(name) is \(fact): \(SAMMed3D.name) of these weights takes \(shape).")
    }
    return try Tensor(channelsFirst: found)
  }

  /// Positive clicks [1, N, 3], in voxels along the axes of the image.
  private func points(of stored: [String: StoredTensor]) throws -> [PointPrompt] {
    guard let found = stored["point"] else { return [] }
    guard found.shape.count == 3, found.shape[0] == 1, found.shape[2] == 3, found.values.allSatisfy({ 0...4096 ~= $0 }) else {
      throw WeightError("\(input): tensor point is of shape \(found.shape): write N clicks as [1, N, 3], in voxels of the image.")
    }
    return (0..<found.shape[1]).map { click in
      let voxel = found.values[(3 * click)..<(3 * click + 3)].map { Double($0) }
      return PointPrompt(voxel: SIMD3(voxel[0], voxel[1], voxel[2]), isPositive: true)
    }
  }
}

extension WindowPadding: ExpressibleByArgument {}
