// Mean Teacher (Tarvainen and Valpola, arXiv:1703.01780): the student agrees on unlabelled volumes with the moving average of
// itself, which sees them under noise. Needs no prior; the teacher is not used after training.

import Networks
import Preparation
import Settings
import Tensors

public final class MeanTeacher: Method {
  public static let name = "mean-teacher"
  public static let summary = "Mean Teacher: agreement with a moving average of the student that sees noisy crops"
  private static let consistency = Setting(
    "consistency", default: "unlabelled", among: ["unlabelled", "all"],
    "Crops on which student and teacher must agree: unlabelled, or all as in SFR.")
  private static let weight = ConsistencyOptions(publishedEpochs: 40)
  public static let options: [any SettingDescription] = [consistency] + weight.all

  private let specialist: Specialist
  public var trained: [TrainedModule] { specialist.trained }
  public var carried: [CarriedVector] { specialist.carried }
  public var predictor: any Network { specialist.student }
  public let recipe = Specialist.recipe

  public init(_ plan: MethodPlan) throws(MethodError) {
    specialist = try Specialist(
      .meanTeacher, plan,
      TeacherAgreement(includesLabelled: plan[Self.consistency] == "all", weight: Self.weight.weight(plan)))
  }

  public func loss(_ batch: Batch, at step: Step, on tape: Tape) throws(MethodError) -> LossTerms {
    try specialist.loss(batch, at: step, on: tape)
  }

  public func afterUpdate(at step: Step) { specialist.afterUpdate(at: step) }
}
