// How far a prior alone carries: the student learns from labelled volumes, and on unlabelled ones from the
// prior's mask, prompted by the student itself, as if it were the label. No teacher, no consistency.

import Networks
import Preparation
import Settings
import Tensors

public final class PriorOnly: Method {
  public static let name = "prior-only"
  public static let summary = "labelled volumes, and a prior's masks as labels of the others"
  public static func usesPrior(_ options: SettingValues) -> Bool { true }
  private static let pseudo = Setting(
    "pseudo", default: 1.0, in: 0...1000, "Weight of the losses on the prior's masks, beside 1 for those on labels.")
  public static let options: [any SettingDescription] = [pseudo]

  public let trained: [TrainedModule]
  public let predictor: any Network
  public let recipe = BatchRecipe(labelled: [.clean], unlabelled: [.clean])
  private let prior: any Prior
  private let weight: Double

  public init(_ plan: MethodPlan) throws(MethodError) {
    prior = try plan.requiredPrior(of: Self.self, or: "method: supervised")
    weight = plan[Self.pseudo]
    predictor = try plan.makeNetwork()
    trained = [TrainedModule("student", predictor)]
  }

  public func loss(_ batch: Batch, at step: Step, on tape: Tape) throws(MethodError) -> LossTerms {
    var terms = try batch.supervisedTerms(.half, view: .clean, network: predictor, at: step, on: tape)
    var pairs: [(Prediction, [UInt8])] = []
    for prediction in predictor.predict(batch.unlabelled, .clean, at: step, on: tape) {
      let student = prediction.probabilities.detached
      let labels = try prior.answer(for: prediction.sample, student: student, at: step)?.labels(beside: student)
      if let labels { pairs.append((prediction, labels)) }
    }
    terms += pseudoLabelTerms(pairs, weight: weight, readsPrior: true, on: tape)
    return LossTerms(terms)
  }
}
