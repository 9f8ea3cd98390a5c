// Proof that losses act: two published systems ship losses that are constants. In the first steps every term is walked back alone; one that
// never moves a parameter is named in a warning.

import Learning
import Methods
import Tensors

/// Watches which terms have given a non-zero gradient.
struct TermCheck {
  /// Steps at which terms are walked one by one: a gate may be shut at first, so the check looks several times.
  static let steps = [0, 10, 20, 30, 40, 50]
  private(set) var acting: Set<String> = []
  private var seen: Set<String> = []

  /// Walks each term of a recorded batch alone. The gradients of the modules are cleared afterwards.
  mutating func look(_ terms: LossTerms, modules: [TrainedModule], tape: Tape) {
    for term in terms.terms where term.weight != 0 {
      seen.insert(term.name)
      guard !acting.contains(term.name) else { continue }
      tape.backward(from: [(term.scalar, weight: 1)], keepRecords: true)
      if modules.contains(where: { $0.parameters.gradientNorm > 0 }) { acting.insert(term.name) }
      for module in modules { module.parameters.clearGradients() }
    }
  }

  /// What to say after step `step`, once: terms that never acted.
  func warning(after step: Int) -> String? {
    let idle = seen.subtracting(acting).sorted()
    guard step == Self.steps.last, !idle.isEmpty else { return nil }
    return "the loss term\(idle.count == 1 ? "" : "s") \(idle.joined(separator: ", ")) gave no gradient in \(step) steps: "
      + "the objective does not contain what the run file asks for; look at gateCoverage in metrics.jsonl and at the method's options."
  }
}
