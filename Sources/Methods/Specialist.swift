// A student and its mean teacher (HiLab-git/SSL4MIS, code/train_mean_teacher_3D.py): the whole of `mean-teacher`, and what SemiSAM+
// and SemiSAM-O1 call the specialist, which a generalist prior helps. Axes: D H W voxels, K classes.

import Kernels
import Learning
import Networks
import Preparation
import Tensors

/// ½ (Dice + cross entropy) on labelled crops, and agreement with the teacher on unlabelled ones.
final class Specialist {
  /// The voxels on which student and teacher must agree.
  enum Kind: String, CaseIterable {
    /// All.
    case meanTeacher = "mean-teacher"
    /// The voxels of which eight more passes of the teacher are certain.
    case uncertaintyAware = "ua-mt"
  }
  /// λ at the last step.
  static let highestWeight = 0.1
  private static let certaintyPasses = 8

  let student: any Network
  private let teacher: Teacher
  private let kind: Kind

  init(_ kind: Kind, _ plan: MethodPlan) throws(MethodError) {
    self.kind = kind
    student = try plan.makeNetwork()
    teacher = try Teacher(plan)
  }

  var trained: [TrainedModule] { [TrainedModule("student", student)] }
  var carried: [CarriedVector] { [teacher.carried] }
  static let recipe = BatchRecipe(labelled: [.clean], unlabelled: [.clean])

  /// w(t) = 0.1 exp(-5 (1 - t/T)²) in 200 stairs.
  static func consistencyWeight(at step: Step) -> Double {
    highestWeight * ConsistencyRamp.weight(at: step.index, of: step.total)
  }

  /// The share of the highest entropy below which UA-MT calls a voxel certain: 0.75 + 0.25 exp(-5 (1 - t/T)²).
  static func certaintyLimit(at step: Step) -> Double {
    let rest = 1 - step.progress
    return 0.75 + 0.25 * exponential(-5 * rest * rest)
  }

  /// - Returns: the terms, and the student's predictions of the unlabelled crops for terms that others add.
  func loss(_ batch: Batch, at step: Step, on tape: Tape) throws(MethodError) -> (terms: LossTerms, unlabelled: [Prediction]) {
    var terms = LossTerms(try batch.supervisedTerms(.half, view: .clean, network: student, at: step, on: tape))
    let weight = Self.consistencyWeight(at: step), share = 1 / Double(max(1, batch.unlabelled.count))
    var predictions: [Prediction] = [], certain = 0.0
    // The teacher goes first: what its passes take is free again when the student's are kept.
    let targets = batch.unlabelled.map { (teacher.probabilities($0, at: step), certainty(of: $0, at: step)) }
    for (prediction, (target, weights)) in zip(student.predict(batch.unlabelled, .clean, at: step, on: tape), targets) {
      let loss = tape.squaredDifference(prediction.probabilities, to: target, weights: weights)
      terms.terms.append(LossTerm("consistency", loss, weight: share * weight))
      predictions.append(prediction)
      if let weights { certain += share * weights.shareOfOnes }
    }
    terms.diagnostics = [("consistencyWeight", weight)]
    if kind == .uncertaintyAware { terms.diagnostics.append(("certainVoxels", certain)) }
    return (terms, predictions)
  }

  func afterUpdate(at step: Step) { teacher.follow(student, at: step) }

  /// 1 for the voxels on which student and teacher must agree, [1, D, H, W, 1]; nil for all.
  private func certainty(of sample: Sample, at step: Step) -> Tensor? {
    guard kind == .uncertaintyAware else { return nil }
    let sum = teacher.probabilities(sample, pass: 1, at: step)
    for pass in 2...Self.certaintyPasses {
      let another = teacher.probabilities(sample, pass: UInt64(pass), at: step)
      withExtendedLifetime(another) { add(another.pointer, to: sum.pointer, count: sum.count) }
    }
    return VoxelWeights.certain(sum: sum, passes: Self.certaintyPasses, limit: Self.certaintyLimit(at: step))
  }
}

extension Tensor {
  /// The share of ones among values that are 0 or 1.
  fileprivate var shareOfOnes: Double { withExtendedLifetime(storage) { sumOfSquares(pointer, count: count) / Double(count) } }
}
