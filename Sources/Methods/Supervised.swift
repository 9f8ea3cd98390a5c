// Training on the labelled volumes alone: what every semi-supervised method must beat.

import Learning
import Networks
import Preparation
import Tensors

public final class Supervised: Method {
  public static let name = "supervised"
  public static let summary = "labelled volumes only"
  public static let options = [
    SupervisedBlend.option,
    MethodOption(
      "sobf", .choice("none", of: ["none"] + SOBFPreset.allCases.map(\.rawValue)),
      "bias-field view of the labelled volumes, or none"),
  ]

  public let trained: [TrainedModule]
  public let predictor: any Network
  public let recipe: BatchRecipe
  private let blend: SupervisedBlend
  private let view: View

  public init(_ plan: MethodPlan) throws(MethodError) {
    predictor = try plan.makeNetwork()
    trained = [TrainedModule("student", predictor)]
    blend = SupervisedBlend(rawValue: try plan.choice("sup", of: Self.self))!
    let field = SOBFPreset(rawValue: try plan.choice("sobf", of: Self.self)).map(SOBF.init(preset:))
    view = field.map(View.biased) ?? .clean
    recipe = BatchRecipe(labelled: [view], unlabelled: [])
  }

  public func loss(_ batch: Batch, at step: Step, on tape: Tape) throws(MethodError) -> LossTerms {
    LossTerms(try batch.supervisedTerms(blend, view: view, network: predictor, at: step, on: tape))
  }
}
