// SemiSAM-O1 (arXiv:2604.24109; YichiZhang98/SemiSAM-O1, code/train_SemiSAM_O1.py): pseudo-labels of unlabelled volumes in three
// rounds, beside a mean teacher. In the first round they come from the prior, in each later one from the student as it was at the
// end of the round before.
//
// The publication embeds each volume once, labels whole volumes between rounds, and replaces the labels of the tenth with the highest mean
// entropy by a vote of similar volumes. Here a method sees one crop at a time: the prior is asked for the crop (`prior.kind: prototype` is
// the published one), the earlier student predicts the crop (running statistics, no dropout), and there is no vote: the entropies of all
// volumes would have to be known to every rank. The rounds are thirds of one run: weights, momenta and the learning rate go on.

import Learning
import Networks
import Preparation
import Settings
import Tensors

public final class SemiSAMO1: Method {
  public static let name = "semisam-o1"
  public static let summary =
    "SemiSAM-O1: a mean teacher, and pseudo-labels from a prior, then from the student of the round before"
  public static func usesPrior(_ options: SettingValues) -> Bool { true }
  public static let options: [any SettingDescription] = []
  private static let rounds = 3

  private let specialist: Specialist
  private let prior: any Prior
  private let earlier: EarlierStudent
  public var trained: [TrainedModule] { specialist.trained }
  public var carried: [CarriedVector] { specialist.carried + earlier.carried }
  public var predictor: any Network { specialist.student }
  public let recipe = Specialist.recipe

  public init(_ plan: MethodPlan) throws(MethodError) {
    prior = try plan.requiredPrior(of: Self.self, or: "method: mean-teacher")
    specialist = try Specialist(.meanTeacher, plan)
    earlier = try EarlierStudent(plan, rounds: Self.rounds)
  }

  /// min(1, t / (0.3 T)) within each round.
  public func pseudoLabelWeight(at step: Step) -> Double { min(1, earlier.place(of: step).share / 0.3) }

  public func loss(_ batch: Batch, at step: Step, on tape: Tape) throws(MethodError) -> LossTerms {
    // The earlier student goes first: what its passes take is free again when the student's are kept.
    let earlierLabels = earlier.labels(of: batch.unlabelled, at: step)
    var result = try specialist.loss(batch, at: step, on: tape)
    var pairs: [(Prediction, [UInt8])] = []
    for (index, prediction) in result.unlabelled.enumerated() {
      let labels = if let earlierLabels { earlierLabels[index] } else { try labelsOfPrior(prediction, at: step) }
      if let labels { pairs.append((prediction, labels)) }
    }
    result.terms += pseudoLabelTerms(
      pairs, weight: pseudoLabelWeight(at: step), readsPrior: earlierLabels == nil, on: tape)
    return result
  }

  public func afterUpdate(at step: Step) {
    specialist.afterUpdate(at: step)
    earlier.afterUpdate(of: specialist.student, at: step)
  }

  private func labelsOfPrior(_ prediction: Prediction, at step: Step) throws(MethodError) -> [UInt8]? {
    let student = prediction.probabilities.detached
    return try prior.answer(for: prediction.sample, student: student, at: step)?.labels(beside: student)
  }
}
