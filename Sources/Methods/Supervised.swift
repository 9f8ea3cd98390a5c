// Training on the labelled volumes alone: what every semi-supervised method must beat.

import Learning
import Networks
import Preparation
import Settings
import Tensors

public final class Supervised: Method {
  public static let name = "supervised"
  public static let summary = "labelled volumes only"
  private static let fields = Setting(
    "sobf", default: "none", among: ["none"] + SOBFPreset.allCases.map(\.rawValue),
    "Bias fields that are put over the labelled crops: none leaves the crops as they are; `cohort methods relif` explains the "
      + "others.")
  public static let options: [any SettingDescription] = [SupervisedBlend.option, fields]

  public let trained: [TrainedModule]
  public let predictor: any Network
  public let recipe: BatchRecipe
  private let blend: SupervisedBlend

  public init(_ plan: MethodPlan) throws(MethodError) {
    predictor = try plan.makeNetwork()
    trained = [TrainedModule("student", predictor)]
    blend = plan[SupervisedBlend.option]
    let field = SOBFPreset(rawValue: plan[Self.fields]).map(SOBF.init(preset:))
    recipe = BatchRecipe(labelled: field == nil ? .clean : .biased, unlabelled: [], field: field)
  }

  public func loss(_ batch: Batch, at step: Step, on tape: Tape) throws(MethodError) -> LossTerms {
    LossTerms(try batch.supervisedTerms(blend, view: recipe.labelled, network: predictor, at: step, on: tape))
  }
}
