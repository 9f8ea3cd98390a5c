// A student and its mean teacher (HiLab-git/SSL4MIS, code/train_mean_teacher_3D.py): the whole of `mean-teacher`, and what SemiSAM+
// and SemiSAM-O1 call the specialist, which a generalist prior helps. Axes: D H W voxels, K classes.

import Kernels
import Learning
import Networks
import Preparation
import Tensors

/// ½ (Dice + cross entropy) on labelled crops, and agreement with the teacher on unlabelled ones.
package final class Specialist {
  /// The voxels on which student and teacher must agree.
  enum Kind: String, CaseIterable {
    /// All.
    case meanTeacher = "mean-teacher"
    /// The voxels of which eight more passes of the teacher are certain.
    case uncertaintyAware = "ua-mt"
  }
  private static let certaintyPasses = 8

  let student: any Network
  private let teacher: Teacher
  private let kind: Kind
  private let consistency: TeacherAgreement

  init(_ kind: Kind, _ plan: MethodPlan, _ consistency: TeacherAgreement = TeacherAgreement()) throws(MethodError) {
    (self.kind, self.consistency) = (kind, consistency)
    student = try plan.makeNetwork()
    teacher = try Teacher(plan)
  }

  var trained: [TrainedModule] { [TrainedModule("student", student)] }
  var carried: [CarriedVector] { [teacher.carried] }
  static let recipe = BatchRecipe(labelled: [.clean], unlabelled: [.clean])

  /// The share of the highest entropy below which UA-MT calls a voxel certain: 0.75 + 0.25 exp(-5 (1 - t/T)²).
  package static func certaintyLimit(at step: Step) -> Double {
    let rest = 1 - step.progress
    return 0.75 + 0.25 * exponential(-5 * rest * rest)
  }

  func loss(_ batch: Batch, at step: Step, on tape: Tape) throws(MethodError) -> LossTerms {
    // The teacher goes first: what its passes take is free again when the student's are kept.
    func targets(_ samples: [Sample]) -> [AgreementTarget] {
      samples.map { AgreementTarget(probabilities: teacher.probabilities($0, at: step), weights: certainty(of: $0, at: step)) }
    }
    let onLabelled = consistency.includesLabelled ? targets(batch.labelled) : [], onUnlabelled = targets(batch.unlabelled)
    let labelled = student.predict(batch.labelled, .clean, at: step, on: tape), labels = try labelled.labels()
    var terms = LossTerms(SupervisedBlend.half.terms(labelled, labels: labels, at: step, on: tape))
    terms.unlabelled = student.predict(batch.unlabelled, .clean, at: step, on: tape)
    let predictions = (consistency.includesLabelled ? labelled : []) + terms.unlabelled
    let weight = consistency.weight.at(step)
    terms.terms += agreementTerms(Array(zip(predictions, onLabelled + onUnlabelled)), weight: weight, on: tape)
    terms.diagnostics = [("consistencyWeight", weight)]
    if kind == .uncertaintyAware { terms.diagnostics.append(("certainVoxels", onUnlabelled.certainShare)) }
    return terms
  }

  func afterUpdate(at step: Step) { teacher.follow(student, at: step) }

  /// 1 for the voxels on which student and teacher must agree, [1, D, H, W, 1]; nil for all.
  private func certainty(of sample: Sample, at step: Step) -> Tensor? {
    guard kind == .uncertaintyAware else { return nil }
    let sum = sumOfPredictions(Self.certaintyPasses) { teacher.probabilities(sample, pass: $0, at: step) }
    return VoxelWeights.certain(sum: sum, passes: Self.certaintyPasses, limit: Self.certaintyLimit(at: step))
  }
}
