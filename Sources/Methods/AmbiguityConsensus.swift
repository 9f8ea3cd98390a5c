// AC-MT (Xu et al., arXiv:2212.05479; lemoshu/AC-MT): a mean teacher that the student must follow only in the voxels that are ambiguous, found by
// the student's entropy or by how uncertain several of its passes are.

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
    "Voxels that are ambiguous: entropy where the student's prediction has much of it, modelUncertainty where the mean of eight passes has."
  )
  private static let weight = ConsistencyOptions(publishedEpochs: 40)
  public static let options: [any SettingDescription] = [ambiguity] + weight.all

  private let student: any Network
  private let teacher: Teacher
  private let ambiguity: Ambiguity
  private let weight: ConsistencyWeight
  public var trained: [TrainedModule] { [TrainedModule("student", student)] }
  public var carried: [CarriedVector] { [teacher.carried] }
  public var predictor: any Network { student }
  public let recipe = BatchRecipe(labelled: [.clean], unlabelled: [.clean])

  public init(_ plan: MethodPlan) throws(MethodError) {
    student = try plan.makeNetwork()
    teacher = try Teacher(plan)
    (ambiguity, weight) = (plan[Self.ambiguity], Self.weight.weight(plan))
  }

  public func loss(_ batch: Batch, at step: Step, on tape: Tape) throws(MethodError) -> LossTerms {
    let said = batch.unlabelled.map { teacher.probabilities($0, at: step) }
    let uncertain =
      ambiguity == .entropy ? [] : batch.unlabelled.map { ambiguousVoxels(sumOfPasses($0, at: step), Ambiguity.passes, step) }
    let labelled = student.predict(batch.labelled, .clean, at: step, on: tape), labels = try labelled.labels()
    var terms = LossTerms(SupervisedBlend.half.terms(labelled, labels: labels, at: step, on: tape))
    terms.unlabelled = student.predict(batch.unlabelled, .clean, at: step, on: tape)
    let masks = ambiguity == .entropy ? terms.unlabelled.map { ambiguousVoxels($0.probabilities, 1, step) } : uncertain
    let targets = zip(said, masks).map { AgreementTarget(probabilities: $0, weights: $1) }, weight = weight.at(step)
    terms.terms += ambiguity.terms(Array(zip(terms.unlabelled, targets)), weight: weight, on: tape)
    terms.diagnostics = [("consistencyWeight", weight), ("ambiguousVoxels", targets.certainShare)]
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
