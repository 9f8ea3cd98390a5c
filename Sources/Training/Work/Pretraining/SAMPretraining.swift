// Pretraining of a small SAM on random scenes whose slices lie side by side on a canvas, for SFR to fine-tune: a work like any other.

import Cluster
import Foundation
import Learning
import MPI
import Methods
import Networks
import Preparation
import Tensors

public final class SAMPretraining: PretrainingWork {
  public static let name = "pretrain-sam"
  public static let summary = "train a small SAM as a promptable segmenter on stitched random scenes, for SFR (`pretraining`)"

  public let plan: PretrainingPlan
  let network: SAM
  public let parameters: ParameterSet
  public let modules: [ModuleUpdate]

  public convenience init(_ stage: StagePlan) throws {
    try self.init(PretrainingPlan(stage, .sam), .demo, stage.configuration)
  }

  package init(_ plan: PretrainingPlan, _ sizes: SAMPlan, _ configuration: RunConfiguration) throws {
    self.plan = plan
    parameters = ParameterSet(SAM.specification(sizes), seed: plan.seed)
    parameters.beginAtPlaces()
    network = SAM(sizes, parameters: parameters)
    modules = try configuration.updates(of: [TrainedModule("sam", parameters)])
  }

  public func batch(lane: Int, at step: Step) throws -> LaneBatch {
    let key = plan.sceneKey(lane: lane, step: step.index)
    let scene = try StitchedScene(key.child(0), canvas: network.plan.canvas)
    let prompts = (1...plan.promptsPerScene).map { CanvasPrompt(scene, cells: network.plan.lowResolution, key.child(UInt64($0))) }
    return LaneBatch { [network] tape in loss(of: network, scene, prompts, on: tape) }
  }

  public func validate(over world: borrowing Communicator) throws -> StageScores {
    let quality = try ClickQuality(network, scenes: plan.heldOutScenes, seed: plan.seed, over: world)
    let names = ClickQuality.clicks.map { counted($0, "click") }
    return StageScores(
      mean: quality.mean, isHeldOut: true, text: "\(quality)", kind: "validation",
      numbers: ["dice": quality.mean].merging(zip(ClickQuality.clicks.map { "diceOf\($0)" }, quality.dice)) { $1 },
      heading: "Dice on \(quality.scenes) held-out scenes", table: Array(zip(names, quality.dice)))
  }
}

/// The loss of one scene, which is encoded once: every answer counts alike, however large its structure is. Dice counts all pixels; cross entropy of
/// all of them, of which structures are a hundredth, would soon answer every click with background, where Dice has no gradient.
private func loss(of network: SAM, _ scene: StitchedScene, _ prompts: [CanvasPrompt], on tape: Tape) -> LossTerms {
  let embedding = network.embedding(scene.tensor, on: tape), weight = 0.5 / Double(prompts.count)
  return LossTerms(
    prompts.flatMap { prompt in
      let logits = network.answer(to: prompt, embedding, on: tape), p = tape.softmax(logits)
      return [
        LossTerm("dice", tape.diceLoss(p, labels: prompt.target, unlabelled: .leftOut), weight: weight),
        LossTerm(
          "crossEntropy",
          tape.crossEntropy(logits, probabilities: p, labels: prompt.balancedTarget, unlabelled: .leftOut), weight: weight),
      ]
    })
}

extension SAM {
  /// Logits at the canvas's own resolution.
  /// - Shape: embedding [1, 1, g, g, P]; result [1, 1, S, S, 2].
  func answer(to prompt: CanvasPrompt, _ embedding: Tensor, on tape: Tape) -> Tensor {
    let coarse = logits(embedding: embedding, mask: prompt.mask, points: prompt.points, on: tape)
    return tape.upsampledPlane(coarse, by: plan.upsampling)
  }
}

extension ParameterSet {
  /// First values by which clicks act from the first step. A structure on a canvas of slices is as wide as one or two tokens, so the frequencies of the
  /// code of places are doubled. The decoder's queries begin as its keys do, so that a token finds itself and its own place.
  fileprivate func beginAtPlaces() {
    let frequencies = self["prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"].value
    for index in 0..<frequencies.shape.count { frequencies.pointer[index] *= 2 }
    let layer = "mask_decoder.transformer.layers"
    equalize("\(layer).0.self_attn", factor: 1.5)
    for number in 0..<2 {
      for direction in ["token_to_image", "image_to_token"] { equalize("\(layer).\(number).cross_attn_\(direction)", factor: 3) }
    }
  }

  private func equalize(_ attention: String, factor: Float) {
    let queries = self["\(attention).q_proj.weight"].value, keys = self["\(attention).k_proj.weight"].value
    for index in 0..<queries.shape.count {
      queries.pointer[index] *= factor
      keys.pointer[index] = queries.pointer[index]
    }
  }
}
