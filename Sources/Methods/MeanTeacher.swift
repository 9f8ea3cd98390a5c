// Mean Teacher (shared/spec/relif.md 6.2): the student agrees on unlabelled volumes with the moving average of itself, which sees them under
// noise. Needs no prior; the teacher is not used after training.

import Networks
import Settings
import Tensors

public final class MeanTeacher: Method {
  public static let name = "mean-teacher"
  public static let summary = "Mean Teacher: agreement with a moving average of the student that sees noisy crops"
  public static let options: [any SettingDescription] = []

  private let specialist: Specialist
  public var trained: [TrainedModule] { specialist.trained }
  public var carried: [CarriedVector] { specialist.carried }
  public var predictor: any Network { specialist.student }
  public let recipe = Specialist.recipe

  public init(_ plan: MethodPlan) throws(MethodError) { specialist = try Specialist(.meanTeacher, plan) }

  public func loss(_ batch: Batch, at step: Step, on tape: Tape) throws(MethodError) -> LossTerms {
    try specialist.loss(batch, at: step, on: tape).terms
  }

  public func afterUpdate(at step: Step) { specialist.afterUpdate(at: step) }
}
