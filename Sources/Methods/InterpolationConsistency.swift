// Interpolation consistency training (Verma et al., arXiv:1903.03825; HiLab-git/SSL4MIS, code/train_interpolation_consistency_training_3D.py): of a mixture of
// two unlabelled crops the student says the mixture of what its mean teacher says of each.

import Kernels
import Learning
import Networks
import Preparation
import Settings
import Tensors

public final class InterpolationConsistency: Method {
  public static let name = "ict"
  public static let summary = "ICT: of two mixed crops the student says the mixture of what its mean teacher says of each"
  private static let weight = ConsistencyOptions(publishedEpochs: 200)
  private static let alpha = Setting(
    "alpha", default: 0.2, in: 0.01...1,
    "Both parameters of the Beta distribution of the share of the second crop (published: 0.2).")
  public static let options: [any SettingDescription] = [alpha] + weight.all

  private let student: any Network
  private let teacher: Teacher
  private let weight: ConsistencyWeight
  private let alpha: Double
  public var trained: [TrainedModule] { [TrainedModule("student", student)] }
  public var carried: [CarriedVector] { [teacher.carried] }
  public var predictor: any Network { student }
  public let recipe = BatchRecipe(labelled: [.clean], unlabelled: [.clean], unlabelledCount: 2)

  public init(_ plan: MethodPlan) throws(MethodError) {
    student = try plan.makeNetwork()
    teacher = try Teacher(plan)
    (weight, alpha) = (Self.weight.weight(plan), plan[Self.alpha])
  }

  public func loss(_ batch: Batch, at step: Step, on tape: Tape) throws(MethodError) -> LossTerms {
    let pairs = try batch.unlabelled.pairs("unlabelled", for: Self.self)
    let mixtures = pairs.map { mixture($0, at: step) }
    let labelled = student.predict(batch.labelled, .clean, at: step, on: tape), labels = try labelled.labels()
    let mixed = student.predict(mixtures.map(\.sample), .clean, at: step, on: tape), weight = weight.at(step)
    return LossTerms(
      SupervisedBlend.half.terms(labelled, labels: labels, at: step, on: tape)
        + agreementTerms(
          zip(mixed, mixtures).map { ($0, AgreementTarget(probabilities: $1.target)) }, weight: weight, on: tape),
      diagnostics: [("consistencyWeight", weight)])
  }

  public func afterUpdate(at step: Step) { teacher.follow(student, at: step) }

  private func mixture(_ pair: (Sample, Sample), at step: Step) -> (sample: Sample, target: Tensor) {
    let (one, other) = pair
    let key = RandomKey(seed: step.seed, volume: one.identifier, draw: one.draw, stream: RandomStream.mixing)
    let share = Float(betaNumber(alpha, key: key))
    let said = [one, other].map { teacher.cleanProbabilities($0, at: step) }
    let image = interpolated(one.image(.clean, at: step), other.image(.clean, at: step), share: share)
    return (
      Sample(identifier: one.identifier, draw: one.draw, views: [.clean: image], label: nil),
      interpolated(said[0], said[1], share: share)
    )
  }
}

/// (1 - share) · a + share · b.
package func interpolated(_ a: Tensor, _ b: Tensor, share: Float) -> Tensor {
  let result = Tensor(uninitialized: a.shape)
  copyFloats(a.pointer, into: result.pointer, count: a.count)
  withExtendedLifetime((a, b)) { follow(b.pointer, by: result.pointer, keep: 1 - share, count: a.count) }
  return result
}

/// A number from Beta(alpha, alpha), alpha at most 1 (Jöhnk 1964): of two powers of uniform numbers whose sum is at most 1, the first's part.
package func betaNumber(_ alpha: Double, key: RandomKey) -> Double {
  var attempt = UInt64(0)
  while true {
    // Never 0, and never so small that both powers would be.
    let logarithms = (0..<2).map { logarithm(key.uniform(2 * attempt + $0) + 0x1p-54) / alpha }
    let x = exponential(logarithms[0]), y = exponential(logarithms[1])
    if x + y <= 1, x + y > 0 { return x / (x + y) }
    attempt += 1
  }
}
