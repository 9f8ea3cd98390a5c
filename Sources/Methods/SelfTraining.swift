// Self-training (Lee 2013; the first of the methods that Li et al., arXiv:2403.11229, combine with SFR): in rounds, the student of the round before labels
// the unlabelled crops for the student of now. In the first round there are labels only, and what `pseudoLabels` adds.

import Learning
import Networks
import Preparation
import Settings
import Tensors

public final class SelfTraining: Method {
  public static let name = "self-training"
  public static let summary = "self-training: pseudo-labels from the student of the round before"
  private static let rounds = Setting(
    "rounds", default: 3, in: 2...1000, "Equal parts of the run; each but the first has new pseudo-labels.")
  private static let weight = Setting(
    "pseudoWeight", default: 1.0, in: 0...1000, "Weight of half Dice and half cross entropy against pseudo-labels.")
  public static let options: [any SettingDescription] = [rounds, weight]

  private let student: any Network
  private let earlier: EarlierStudent
  private let weight: Double
  public var trained: [TrainedModule] { [TrainedModule("student", student)] }
  public var carried: [CarriedVector] { earlier.carried }
  public var predictor: any Network { student }
  public let recipe = BatchRecipe(labelled: [.clean], unlabelled: [.clean])

  public init(_ plan: MethodPlan) throws(MethodError) {
    student = try plan.makeNetwork()
    earlier = try EarlierStudent(plan, rounds: plan[Self.rounds])
    weight = plan[Self.weight]
  }

  public func loss(_ batch: Batch, at step: Step, on tape: Tape) throws(MethodError) -> LossTerms {
    let pseudo = earlier.labels(of: batch.unlabelled, at: step)
    let labelled = student.predict(batch.labelled, .clean, at: step, on: tape), labels = try labelled.labels()
    var terms = LossTerms(SupervisedBlend.half.terms(labelled, labels: labels, at: step, on: tape))
    terms.unlabelled = student.predict(batch.unlabelled, .clean, at: step, on: tape)
    terms.terms += pseudoLabelTerms(
      pseudo.map { Array(zip(terms.unlabelled, $0)) } ?? [], weight: pseudo == nil ? 0 : weight, readsPrior: false, on: tape)
    return terms
  }

  public func afterUpdate(at step: Step) { earlier.afterUpdate(of: student, at: step) }
}
