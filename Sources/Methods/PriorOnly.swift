// How far a prior alone carries (shared/spec/relif.md 6.6): the student learns from labelled volumes, and on unlabelled ones from the
// prior's mask, prompted by the student itself, as if it were the label. No teacher, no consistency.

import Networks
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
  public let recipe = BatchRecipe(labelled: .clean, unlabelled: .clean, field: nil)
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
    for sample in batch.unlabelled {
      let prediction = predictor.predict(sample, .clean, at: step, on: tape), student = prediction.probabilities.detached
      let labels = try prior.answer(for: sample, student: student, at: step)?.labels(beside: student)
      terms += pseudoLabelTerms(
        prediction, labels, weight: weight / Double(batch.unlabelled.count), readsPrior: true, on: tape)
    }
    return LossTerms(terms)
  }
}
