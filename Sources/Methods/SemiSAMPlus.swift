// SemiSAM+ (arXiv:2502.20749; YichiZhang98/SemiSAM, code_semisam+/): a mean teacher, and a generalist prior, prompted by the
// student, to whose mask the student is drawn early in the run. How the prior is prompted (mask, clicks, clicks with uncertainty)
// is the run's `prior`.
//
// The newest released code divides the generalist's loss by itself: it is the constant 1 and teaches nothing. `released` is that, and needs
// no prior; `intent` is the method as it is described, where voxels of which the prior is unsure count less, not more. With more than one
// foreground class (the publication has one) the prior's mask is the class with its highest logit above 0. The adversarial specialist (DAN)
// of the publication is not here. Axes: D H W voxels, K classes.

import Learning
import Networks
import Preparation
import Settings
import Tensors

public final class SemiSAMPlus: Method {
  public static let name = "semisam-plus"
  public static let summary = "SemiSAM+: a mean teacher, and early on the mask of a prior that the student prompts"
  public static func usesPrior(_ options: SettingValues) -> Bool { options[fidelity] != .released }
  private static let fidelity = Setting(
    "fidelity", default: Fidelity.intent,
    "What the prior's term computes: intent is the method as it is described, released the constant 1 of the published code.")
  private static let specialist = Setting(
    "specialist", default: Specialist.Kind.meanTeacher,
    "Where student and teacher must agree: mean-teacher on all voxels, ua-mt on those of which eight more passes of the teacher "
      + "are certain.")
  public static let options: [any SettingDescription] = [fidelity, specialist]
  enum Fidelity: String, CaseIterable { case intent, released }

  private let specialist: Specialist
  /// The prior; nil in the released form, which nothing of a prior reaches.
  private let prior: (any Prior)?
  public var trained: [TrainedModule] { specialist.trained }
  public var carried: [CarriedVector] { specialist.carried }
  public var predictor: any Network { specialist.student }
  public let recipe = Specialist.recipe

  public init(_ plan: MethodPlan) throws(MethodError) {
    prior = plan[Self.fidelity] == .released ? nil : try plan.requiredPrior(of: Self.self, or: "method.fidelity: released")
    specialist = try Specialist(plan[Self.specialist], plan)
  }

  /// 0.1 w'(t), which falls as the specialist's weight rises: from 0.01 to 6.7e-5.
  public func generalistWeight(at step: Step) -> Double {
    0.1 * ConsistencyWeight().highest * ConsistencyRamp.weight(at: step.total - step.index, of: step.total)
  }

  public func loss(_ batch: Batch, at step: Step, on tape: Tape) throws(MethodError) -> LossTerms {
    var result = try specialist.loss(batch, at: step, on: tape)
    let predictions = result.unlabelled, weight = generalistWeight(at: step) / Double(max(1, predictions.count))
    for prediction in predictions {
      guard let prior else {
        result.terms.append(LossTerm("generalist", Scalar(constant: 1), weight: weight))
        continue
      }
      let answer = try prior.answer(for: prediction.sample, student: prediction.probabilities.detached, at: step)
      let loss = answer.map { distance(of: prediction, to: $0, on: tape) } ?? Scalar(constant: 0)
      result.terms.append(LossTerm("generalist", loss, weight: weight, readsPrior: true))
    }
    return result
  }

  public func afterUpdate(at step: Step) { specialist.afterUpdate(at: step) }

  /// The mean of (p - m)², m being 1 for the class of the prior's mask and 0 for the others, weighed by exp(-U / mean U) where the prior
  /// knows its uncertainty U.
  private func distance(of prediction: Prediction, to answer: PriorAnswer, on tape: Tape) -> Scalar {
    guard let labels = answer.labels(beside: prediction.probabilities) else { return Scalar(constant: 0) }
    return tape.squaredDifference(
      prediction.probabilities, to: Tensor(oneHot: labels, shape: prediction.probabilities.shape),
      weights: answer.uncertainty.map { VoxelWeights.falling(uncertainty: $0) })
  }
}
