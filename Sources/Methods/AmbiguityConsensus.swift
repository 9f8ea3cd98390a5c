// AC-MT (Xu et al., arXiv:2212.05479; lemoshu/AC-MT): a mean teacher that the student must follow only in the voxels that are ambiguous, found by
// the student's entropy, by how uncertain several of its passes are, or by prototypes.

import Kernels
import Learning
import Networks
import Preparation
import Settings
import Tensors

/// How ambiguous voxels are found.
package enum Ambiguity: String, Sendable, CaseIterable {
  /// By the entropy of the student's prediction.
  case entropy
  /// By the entropy of the mean of eight passes of the student with noise and dropout.
  case modelUncertainty
  /// By the class whose features in the teacher are nearest.
  case prototype

  static let passes = 8

  /// The share of the highest entropy from which on a voxel is ambiguous.
  package func limit(at step: Step) -> Double {
    let rest = 1 - step.progress, ramp = exponential(-5 * rest * rest)
    return 0.75 + (self == .entropy ? 0.2 : 0.15) * ramp
  }
}

public final class AmbiguityConsensus: Method {
  public static let name = "ac-mt"
  public static let summary = "AC-MT: agreement with a mean teacher in the voxels that are ambiguous"
  private static let ambiguity = Setting(
    "ambiguity", default: Ambiguity.entropy,
    "Voxels that are ambiguous: entropy where the student's prediction has much of it, modelUncertainty where the mean of eight passes has, prototype where "
      + "the nearest class in the teacher's features is another one; the others then lower their entropy.")
  private static let mixesIndices = Setting(
    "faithfulEntropyIndex", default: false, .flag,
    "With prototype: takes class k of the mask with the entropy of crop k, as the published program does by mistake; batch.unlabelled is the number of classes."
  )
  private static let weight = ConsistencyOptions(publishedEpochs: 40)
  public static let options: [any SettingDescription] = [ambiguity, mixesIndices] + weight.all

  private let student: any Network
  private let teacher: Teacher
  private let ambiguity: Ambiguity
  private let mixesIndices: Bool
  private let weight: ConsistencyWeight
  public var trained: [TrainedModule] { [TrainedModule("student", student)] }
  public var carried: [CarriedVector] { [teacher.carried] }
  public var predictor: any Network { student }
  public let recipe = BatchRecipe(labelled: [.clean], unlabelled: [.clean])

  public init(_ plan: MethodPlan) throws(MethodError) {
    student = try plan.makeNetwork()
    teacher = try Teacher(plan)
    (ambiguity, weight, mixesIndices) = (plan[Self.ambiguity], Self.weight.weight(plan), plan[Self.mixesIndices])
  }

  public func loss(_ batch: Batch, at step: Step, on tape: Tape) throws(MethodError) -> LossTerms {
    // All passes but the student's own go first: what they take is free again when its are kept.
    let said = batch.unlabelled.map { teacher.probabilities($0, at: step) }
    let uncertain =
      ambiguity == .modelUncertainty
      ? batch.unlabelled.map { ambiguousVoxels(sumOfPasses($0, at: step), Ambiguity.passes, step) } : []
    let passes = ambiguity == .prototype ? batch.unlabelled.map { teacher.passes($0, at: step) } : []
    let labelled = student.predict(batch.labelled, .clean, at: step, on: tape), labels = try labelled.labels()
    var terms = LossTerms(SupervisedBlend.half.terms(labelled, labels: labels, at: step, on: tape))
    terms.unlabelled = student.predict(batch.unlabelled, .clean, at: step, on: tape)
    let weight = weight.at(step), share: Double
    if ambiguity == .prototype {
      let clean = zip(terms.unlabelled, passes).map { $1.cleanClasses(student: $0.probabilities) }
      terms.terms += try prototypeTerms(
        Array(zip(terms.unlabelled, said)), clean: clean, weight: weight, mixesIndices: mixesIndices, on: tape)
      share = 1 - clean.map { AgreementTarget(probabilities: $0, weights: $0) }.certainShare
    } else {
      let masks = ambiguity == .entropy ? terms.unlabelled.map { ambiguousVoxels($0.probabilities, 1, step) } : uncertain
      let targets = zip(said, masks).map { AgreementTarget(probabilities: $0, weights: $1) }
      terms.terms += ambiguity.terms(Array(zip(terms.unlabelled, targets)), weight: weight, on: tape)
      share = targets.certainShare
    }
    terms.diagnostics = [("consistencyWeight", weight), ("ambiguousVoxels", share)]
    return terms
  }

  public func afterUpdate(at step: Step) { teacher.follow(student, at: step) }

  private func ambiguousVoxels(_ sum: Tensor, _ passes: Int, _ step: Step) -> Tensor {
    VoxelWeights.uncertain(sum: sum, passes: passes, limit: ambiguity.limit(at: step))
  }

  private func sumOfPasses(_ sample: Sample, at step: Step) -> Tensor {
    sumOfPredictions(Ambiguity.passes) { pass in
      student.predict(sample, .noisy(pass), at: step, on: Tape(recording: false)).probabilities
    }
  }
}

extension Ambiguity {
  /// The agreement term; model uncertainty divides by voxels, entropy by voxels and classes.
  package func terms(
    _ pairs: [(prediction: Prediction, target: AgreementTarget)], weight: Double, on tape: Tape
  ) -> [LossTerm] {
    let classes = pairs.first.map { Double($0.target.probabilities.shape.channels) } ?? 1
    return agreementTerms(pairs, weight: weight * (self == .entropy ? 1 : classes), on: tape)
  }
}
