// What the pretrainings have in common: scenes belong to lanes and lanes to ranks, so the weights are the same on any number of ranks with the same
// number of threads each. The file is written beside each checkpoint.

import Learning
import Weights

/// A work that trains a promptable network on random scenes.
public protocol PretrainingWork: Work {
  var plan: PretrainingPlan { get }
  /// All that is trained.
  var parameters: ParameterSet { get }
}

extension PretrainingWork {
  public static var usesData: Bool { false }
  public var samplesPerStep: Int { plan.lanes }
  public var title: String {
    "\(plan.architecture.title), \(millionParameters.formatted(decimals: 2)) M parameters; "
      + "\(counted(plan.lanes, "scene")) in a step with \(plan.promptsPerScene) prompts each"
  }

  public func saved(afterSteps steps: Int) throws {
    try Safetensors.write(
      parameters.stateDict, as: .float16, metadata: PriorDescription(plan, steps: steps).metadata, to: plan.output)
  }
}
