// Proof that losses act: published systems ship losses that are constants, and a prior that no gradient depends on. In the first steps
// every term goes backward alone, and the prior is negated; a term that never moves a parameter, or that keeps its value,
// is named in a warning.

import Learning
import Methods
import Preparation
import Tensors

/// Watches which terms give a gradient, and which of those that read the prior change with it.
struct TermCheck {
  /// How often a term of non-zero weight may fail before it is named.
  static let patience = 10
  /// Steps between later looks, for the gradient norms in metrics.jsonl.
  static let interval = 250
  /// No looks at all, so that every step takes the same time.
  private let isOff: Bool

  private struct Record {
    var readsPrior = false
    var looks = 0, looksAtPrior = 0
    var acts = false, notices = false
    var isNamed = false

    var isBlind: Bool { readsPrior && !notices }
    var wantsOpposite: Bool { isBlind && looksAtPrior < TermCheck.patience }
    var wantsLook: Bool { !acts && looks < TermCheck.patience || wantsOpposite }
  }
  private var records: [String: Record] = [:]

  init(isOff: Bool = false) { self.isOff = isOff }

  /// Whether the terms go backward one by one at a step: in the first, as soon as a term has got its weight, and now and then.
  func isDue(_ step: Step) -> Bool {
    !isOff && (Self.isLogged(step) || records.values.contains(where: \.wantsLook))
  }

  /// Whether metrics.jsonl holds gradient norms of a step: the same steps in a run that was interrupted.
  static func isLogged(_ step: Step) -> Bool { step.index < patience || step.index % interval == 0 }

  /// Whether a term that reads the prior has yet to notice it.
  func wantsOpposite(at step: Step) -> Bool { step.index == 0 || records.values.contains(where: \.wantsOpposite) }

  /// Remembers the terms of a step that have a weight.
  mutating func remember(_ terms: LossTerms) {
    for (name, group) in terms.byName where group.weight != 0 && records[name] == nil {
      records[name] = Record(readsPrior: group.terms.contains(where: \.readsPrior))
    }
  }

  /// Runs the backward pass of each term of a recorded batch alone. The gradients of the modules are cleared afterwards.
  /// - Parameter partner: has the gradients of the other of two networks.
  /// - Returns: for each term the norm of its gradient, times its weight.
  mutating func look(
    _ terms: LossTerms, modules: [TrainedModule], tape: Tape, _ partner: Partner?
  ) throws -> [String: Double] {
    let groups = terms.byName.filter { $0.group.weight != 0 }
    var squares = groups.map { _, group in
      tape.backward(from: group.terms.map { ($0.scalar, weight: $0.weight) }, keepRecords: true)
      defer { for module in modules { module.parameters.clearGradients() } }
      return modules.reduce(0) { $0 + $1.parameters.gradientNorm * $1.parameters.gradientNorm }
    }
    if let partner {
      let both = try partner.both(squares)
      squares = zip(both[0], both[1]).map(+)
    }
    var norms: [String: Double] = [:]
    for (name, square) in zip(groups.map(\.name), squares) {
      norms[name] = square.squareRoot()
      records[name]!.looks += 1
      if square > 0 { records[name]!.acts = true }
    }
    return norms
  }

  /// Compares the terms with those under the opposite prior.
  mutating func compare(_ terms: LossTerms, opposite: LossTerms) {
    let others = Dictionary(uniqueKeysWithValues: opposite.byName.map { ($0.name, $0.group.value) })
    for (name, group) in terms.byName where group.weight != 0 && records[name]!.readsPrior {
      records[name]!.looksAtPrior += 1
      if others[name] != group.value { records[name]!.notices = true }
    }
  }

  /// The messages due now: each term is named once when its patience has run out, and once more if it begins to act later.
  mutating func messages(after step: Int) -> [String] {
    var messages: [String] = []
    for (name, record) in records.sorted(by: { $0.key < $1.key }) {
      let isBlind = record.isBlind && record.looksAtPrior >= Self.patience
      let isIdle = record.looks >= Self.patience && !record.acts
      if (isIdle || isBlind) && !record.isNamed {
        records[name]!.isNamed = true
        messages.append(
          isIdle
            ? "THE LOSS TERM \(name) GAVE NO GRADIENT in \(record.looks) steps: the objective does not contain what the run file asks "
              + "for; look at gateCoverage, pseudoCrops and priorPresent in metrics.jsonl and at the method's options."
            : "THE LOSS TERM \(name) DOES NOT DEPEND ON THE PRIOR: it has the same value when the prior is negated, "
              + "\(record.looksAtPrior) times; look at priorPresent in metrics.jsonl and at the prior's options.")
      } else if record.isNamed && !isIdle && !isBlind {
        records[name]!.isNamed = false
        messages.append("the loss term \(name) acts since step \(step).")
      }
    }
    return messages
  }
}
