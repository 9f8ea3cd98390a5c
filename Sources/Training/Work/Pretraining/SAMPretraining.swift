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
    parameters.letClicksFindPlaces()
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
