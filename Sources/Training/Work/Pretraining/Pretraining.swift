// Pretraining of a small promptable prior on random scenes: a work like any other. Scenes belong to lanes and lanes to ranks, so the weights are the
// same on any number of ranks with the same number of threads each. The file of the prior is written beside each checkpoint.

import Cluster
import Foundation
import Learning
import MPI
import Methods
import Networks
import Preparation
import Tensors
import Weights

public final class Pretraining: Work {
  public static let name = "pretrain-prior"
  public static let summary =
    "train a small SAM-Med3D as a promptable segmenter on random scenes, as a frozen prior (`pretraining`)"

  public static let usesData = false

  package let plan: PretrainingPlan
  let network: SAMMed3D
  package let parameters: ParameterSet
  public let modules: [ModuleUpdate]

  public convenience init(_ stage: StagePlan) throws {
    let plan = PretrainingPlan(stage.configuration)
    if stage.rank == 0 { try plan.checkOutput() }
    try self.init(plan, stage.configuration)
  }

  package init(_ plan: PretrainingPlan, _ configuration: RunConfiguration) throws {
    self.plan = plan
    parameters = ParameterSet(SAMMed3D.specification(plan.network), seed: plan.seed)
    network = SAMMed3D(plan.network, parameters: parameters)
    modules = try configuration.updates(of: [TrainedModule("prior", parameters)])
  }

  public var samplesPerStep: Int { plan.lanes }
  public var title: String {
    "demo prior, \(millionParameters.formatted(decimals: 2)) M parameters; "
      + "\(counted(plan.lanes, "scene")) in a step with \(plan.promptsPerScene) prompts each"
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

  public func saved(afterSteps steps: Int) throws {
    try Safetensors.write(
      parameters.stateDict, as: .float16, metadata: PriorDescription(plan, steps: steps).metadata, to: plan.output)
  }
}
