// A prior whose answers can be negated, which shows whether an objective depends on it.

import Preparation
import Tensors

/// Returns another prior's answers, or their negation.
public final class NegatablePrior: Prior {
  private let base: any Prior
  /// Whether every logit has the other sign.
  public var isNegated = false

  public init(_ base: any Prior) { self.base = base }

  public var title: String { base.title }
  public var reliability: Double { base.reliability }
  public var tokenChannels: Int { base.tokenChannels }

  public func answer(for sample: Sample, student: Tensor, at step: Step) throws(MethodError) -> PriorAnswer? {
    guard var answer = try base.answer(for: sample, student: student, at: step) else { return nil }
    if isNegated { answer.logits = Tensor(answer.logits.values.map { -$0 }, shape: answer.logits.shape) }
    return answer
  }

  public func tokens(for sample: Sample, grid: [Int]) throws(MethodError) -> Tensor? { try base.tokens(for: sample, grid: grid) }
}
