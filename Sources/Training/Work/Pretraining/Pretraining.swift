// Pretraining of a small SAM-Med3D on random scenes: a work like any other.

import Cluster
import Foundation
import Learning
import MPI
import Methods
import Networks
import Preparation
import Tensors

public final class Pretraining: PretrainingWork {
  public static let name = "pretrain-prior"
  public static let summary =
    "train a small SAM-Med3D as a promptable segmenter on random scenes, as a frozen prior (`pretraining`)"

  public let plan: PretrainingPlan
  let network: SAMMed3D
  public let parameters: ParameterSet
  public let modules: [ModuleUpdate]

  public convenience init(_ stage: StagePlan) throws {
    try self.init(PretrainingPlan(stage, .samMed3D), .demo, stage.configuration)
  }

  package init(_ plan: PretrainingPlan, _ sizes: SAMMed3DPlan, _ configuration: RunConfiguration) throws {
    self.plan = plan
    parameters = ParameterSet(SAMMed3D.specification(sizes), seed: plan.seed)
    network = SAMMed3D(sizes, parameters: parameters)
    modules = try configuration.updates(of: [TrainedModule("prior", parameters)])
  }

  public func batch(lane: Int, at step: Step) throws -> LaneBatch {
    LaneBatch { [network, plan] tape in
      LossTerms(pretrainingLoss(network, plan, lane: lane, step: step.index, on: tape))
    }
  }

  public func validate(over world: borrowing Communicator) throws -> StageScores {
    let quality = try PromptQuality(network, scenes: plan.heldOutScenes, seed: plan.seed, over: world)
    return StageScores(
      mean: quality.priorDice, isHeldOut: true, text: "\(quality)", kind: "validation",
      numbers: ["dice": quality.priorDice, "promptDice": quality.promptDice],
      heading: "Dice on \(quality.prompts) held-out scenes",
      table: [("prompt", quality.promptDice), ("prior", quality.priorDice)])
  }
}
