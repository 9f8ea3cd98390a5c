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
  static let rounds = 3

  private let specialist: Specialist
  private let prior: any Prior
  /// The student at the end of the newest finished round.
  private let earlier: any Network
  /// How many rounds `earlier` has behind it, one number: 0 before there is such a student.
  private let finished = Tensor(zeros: [1])
  public var trained: [TrainedModule] { specialist.trained }
  public var predictor: any Network { specialist.student }
  public let recipe = Specialist.recipe

  public init(_ plan: MethodPlan) throws(MethodError) {
    prior = try plan.requiredPrior(of: Self.self, or: "method: mean-teacher")
    specialist = try Specialist(.meanTeacher, plan)
    earlier = try plan.makeNetwork()
  }

  public var carried: [CarriedVector] {
    let state = zip(["earlier", "earlier.statistics"], earlier.state).map { CarriedVector($0, $1.values) }
    return specialist.carried + state + [CarriedVector("finishedRounds", finished)]
  }

  /// How many rounds are over before a step, and what share of the next one.
  static func place(of step: Step) -> (round: Int, share: Double) {
    let round = rounds * step.index / step.total
    return (round, Double(rounds * step.index - round * step.total) / Double(step.total))
  }

  /// min(1, t / (0.3 T)) within each round.
  public func pseudoLabelWeight(at step: Step) -> Double { min(1, Self.place(of: step).share / 0.3) }

  public func loss(_ batch: Batch, at step: Step, on tape: Tape) throws(MethodError) -> LossTerms {
    // The earlier student goes first: what its passes take is free again when the student's are kept.
    let earlierLabels = finished.values[0] > 0 ? batch.unlabelled.map({ labelsOfEarlierStudent($0, at: step) }) : nil
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

  /// A round that ends with a step that had to be skipped ends one step later.
  public func afterUpdate(at step: Step) {
    specialist.afterUpdate(at: step)
    let (round, _) = Self.place(of: Step(index: step.index + 1, total: step.total, seed: step.seed))
    guard round > Int(finished.values[0]), round < Self.rounds else { return }
    for (copy, vector) in zip(earlier.state, specialist.student.state) { copy.load(vector.values.values) }
    finished.pointer[0] = Float(round)
  }

  private func labelsOfPrior(_ prediction: Prediction, at step: Step) throws(MethodError) -> [UInt8]? {
    let student = prediction.probabilities.detached
    return try prior.answer(for: prediction.sample, student: student, at: step)?.labels(beside: student)
  }

  private func labelsOfEarlierStudent(_ sample: Sample, at step: Step) -> [UInt8] {
    let logits = earlier.logits(sample.image(.clean, at: step), mode: .evaluation, on: Tape(recording: false))
    return argmaxLabels(logits.values, classes: logits.shape.channels)
  }
}
