// UA-MT (Yu et al., arXiv:1907.07034): a mean teacher that student and teacher must follow only where several passes of the teacher are certain. The
// form of HiLab-git/SSL4MIS, code/train_uncertainty_aware_mean_teacher_3D.py, for any number of classes.

import Networks
import Preparation
import Settings
import Tensors

public final class UncertaintyAwareMeanTeacher: Method {
  public static let name = "ua-mt"
  public static let summary = "UA-MT: agreement with a mean teacher in the voxels of which eight of its passes are certain"
  private static let weight = ConsistencyOptions(publishedEpochs: 200)
  public static let options: [any SettingDescription] = weight.all

  private let specialist: Specialist
  public var trained: [TrainedModule] { specialist.trained }
  public var carried: [CarriedVector] { specialist.carried }
  public var predictor: any Network { specialist.student }
  public let recipe = Specialist.recipe

  public init(_ plan: MethodPlan) throws(MethodError) {
    specialist = try Specialist(.uncertaintyAware, plan, TeacherAgreement(weight: Self.weight.weight(plan)))
  }

  public func loss(_ batch: Batch, at step: Step, on tape: Tape) throws(MethodError) -> LossTerms {
    try specialist.loss(batch, at: step, on: tape)
  }

  public func afterUpdate(at step: Step) { specialist.afterUpdate(at: step) }
}
