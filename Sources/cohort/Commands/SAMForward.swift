// `cohort network forward --network sam`: the embedding of canvases, and the logits of all masks without a prompt.

import Networks
import Tensors
import Training
import Weights

/// Runs SAM on the tensor of a file.
struct SAMForward {
  let weights: String
  let adapters: String?
  let input: String
  let output: String

  func run() throws {
    let network = try mergedSAM(base: weights, adapters: adapters), side = network.plan.canvas
    guard let stored = try Safetensors.read(input)["input"], stored.shape.count == 4, stored.shape[0] > 0,
      [1, 3].contains(stored.shape[1]), stored.shape[2...] == [side, side]
    else {
      throw WeightError(
        "\(input): tensor input is missing or of another shape: \(SAM.name) of these weights takes [B, 1 or 3, \(side), \(side)]."
      )
    }
    let tape = Tape(recording: false), channels = stored.shape[1], pixels = side * side
    let embeddings = (0..<stored.shape[0]).map { sample -> Tensor in
      let start = sample * channels * pixels
      let image = (0..<pixels * channels).map { stored.values[start + $0 % channels * pixels + $0 / channels] }
      return network.embedding(Tensor(image, shape: [1, 1, side, side, channels]), on: tape)
    }
    let results = [
      "embedding": channelsFirst(embeddings),
      "lowres_logits": channelsFirst(embeddings.map { network.logits(embedding: $0, on: tape) }),
    ]
    try Safetensors.write(results, metadata: ["command": NetworkCommand.Forward.command], to: output)
    for (name, tensor) in results.sorted(by: { $0.key < $1.key }) { print("\(name) \(tensor.shape) written to \(output)") }
  }

  /// Planes [1, 1, H, W, C] as [B, C, H, W].
  private func channelsFirst(_ planes: [Tensor]) -> StoredTensor {
    let shape = planes[0].shape, channels = shape.channels, pixels = shape.rows
    let values = planes.flatMap { plane -> [Float] in
      let values = plane.values
      return (0..<channels * pixels).map { values[$0 % pixels * channels + $0 / pixels] }
    }
    return StoredTensor(shape: [planes.count, channels, shape[2], shape[3]], values: values)
  }
}
