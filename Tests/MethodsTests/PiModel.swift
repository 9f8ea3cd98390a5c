// A method as a stranger would write it: one file, and one line in the catalogue if it were to stay.

import Learning
import Methods
import Networks
import Preparation
import Settings
import Tensors

/// The pi-model: a student that agrees with itself on two noisy views of unlabelled crops (Laine and Aila, arXiv:1610.02242).
final class PiModel: Method {
  static let name = "pi-model"
  static let summary = "agreement of the student with itself on two noisy views"
  private static let weight = Setting("weight", default: 1.0, in: 0...100, "Weight of the agreement.")
  static let options: [any SettingDescription] = [weight]

  let predictor: any Network
  let trained: [TrainedModule]
  let recipe = BatchRecipe(labelled: [.clean], unlabelled: [.noisy(0), .noisy(1)])
  private let weight: Double

  init(_ plan: MethodPlan) throws(MethodError) {
    predictor = try plan.makeNetwork()
    trained = [TrainedModule("student", predictor)]
    weight = plan[Self.weight]
  }

  func loss(_ batch: Batch, at step: Step, on tape: Tape) throws(MethodError) -> LossTerms {
    var terms = try batch.supervisedTerms(.half, view: .clean, network: predictor, at: step, on: tape)
    for sample in batch.unlabelled {
      let (one, other) = (
        predictor.predict(sample, .noisy(0), at: step, on: tape), predictor.predict(sample, .noisy(1), at: step, on: tape)
      )
      let agreement = tape.squaredDifference(one.probabilities, to: other.probabilities)
      terms.append(LossTerm("agreement", agreement, weight: weight / Double(batch.unlabelled.count)))
    }
    return LossTerms(terms)
  }
}
