// Whether a promptable network improves the masks that it is asked with: Dice of the prompt and of the answer, on scenes that it was not
// trained on.

import Cluster
import MPI
import Metrics
import Networks
import Preparation
import Tensors
import Volumes

/// Mean Dice of perturbed masks, and of what a prior makes of them.
public struct PromptQuality: Sendable, Equatable, CustomStringConvertible {
  public let prompts: Int
  public let promptDice: Double
  public let priorDice: Double

  /// Asks with one perturbed mask for each of `scenes` held-out scenes; only the part of the image that the prompt covers counts,
  /// so that nothing is gained outside of the prompt. Collective.
  public init(_ network: SAMMed3D, scenes: Int, seed: UInt64, over world: borrowing Communicator) throws {
    let means = try heldOutMeans(2, scenes: scenes, seed: seed, over: world) { Self.dice(network, $0) }
    (prompts, promptDice, priorDice) = (scenes, means[0], means[1])
  }

  public var description: String {
    "prompt Dice \(promptDice.formatted(decimals: 4)), prior Dice \(priorDice.formatted(decimals: 4)) on \(prompts) held-out scenes"
  }

  /// Dice of the prompt and of the answer in the scene of a key.
  private static func dice(_ network: SAMMed3D, _ key: RandomKey) -> [Double] {
    let plan = network.plan, tape = Tape(recording: false)
    let scene = PromptableScene(key.child(0), side: plan.imageSize)
    let example = PromptExample(scene, cells: plan.lowResolution, .mask, key: key.child(1))
    let embedding = network.embedding(Tensor(scene), on: tape)
    let logits = network.logits(embedding: embedding, mask: example.mask, points: [], on: tape)
    guard let student = example.student else { fatalError("a mask prompt without a mask") }
    return [
      example.dice(student.probability, above: 0.5),
      example.dice(upsampled(logits, by: plan.imageSize / plan.lowResolution), above: 0),
    ]
  }
}

extension PromptExample {
  /// Dice of the target and the voxels above a threshold, within the part that the prompt covers.
  fileprivate func dice(_ values: [Float], above threshold: Float) -> Double {
    let known = (student?.known ?? PromptBox(side: cells)).refined(by: side / cells)
    var prediction: [UInt8] = values.map { $0 > threshold ? 1 : 0 }, reference = target
    known.clear(&prediction, side: side)
    known.clear(&reference, side: side)
    // Both empty cannot be: a prompt covers a third of the target at least.
    return Metrics.dice(prediction: prediction, reference: reference, label: 1) ?? 0
  }
}

extension Tensor {
  /// [1, N, N, N, 1]
  init(_ scene: PromptableScene) { self.init(scene.image, shape: [1, scene.side, scene.side, scene.side, 1]) }
}
