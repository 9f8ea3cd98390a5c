// ReLiF-3D: every term acts and depends on the prior, the released form does not, views in another order give the same bits,
// schedules.

import Learning
import Methods
import Networks
import Preparation
import Tensors
import Testing

/// A prior that sees a ball, shifted with the draw; its tokens are noise.
final class BallPrior: Prior {
  let title = "ball"
  let tokenChannels = 6
  let isSilent: Bool
  init(isSilent: Bool = false) { self.isSilent = isSilent }

  func answer(for sample: Sample, student: Tensor, at step: Step) -> PriorAnswer? {
    if isSilent { return nil }
    let shape = student.shape, classes = shape.channels - 1
    var logits = [Float](repeating: 0, count: shape.rows * classes)
    for d in 0..<shape[1] {
      for h in 0..<shape[2] {
        for w in 0..<shape[3] {
          for k in 0..<classes {
            let centre = [8, 8, 8 + 8 * k].map { Double($0) }
            let square = zip([d, h, w], centre).reduce(0.0) { $0 + (Double($1.0) - $1.1) * (Double($1.0) - $1.1) }
            logits[((d * shape[2] + h) * shape[3] + w) * classes + k] = Float(5 - square.squareRoot())
          }
        }
      }
    }
    return PriorAnswer(
      logits: Tensor(logits, shape: [1, shape[1], shape[2], shape[3], classes]),
      isPresent: [Bool](repeating: true, count: classes))
  }

  func tokens(for sample: Sample, grid: [Int]) -> Tensor? {
    let count = grid.reduce(1, *)
    return Tensor((0..<count * 6).map { Float(RandomKey(5).gaussian(UInt64($0))) }, shape: [1, count, 6])
  }
}

@Suite struct ReLiFTests {
  static let open = ["cgcr.thresholdStart": "0.2", "cgcr.thresholdEnd": "0.2"]
  static let late = Step(index: 9, total: 10, seed: 7)

  func method(_ options: [String: String] = [:], prior: (any Prior)? = BallPrior()) throws -> ReLiF {
    var plan = try MethodTests().plan("relif", Self.open.merging(options) { $1 })
    plan.prior = prior
    return try ReLiF(plan)
  }

  func terms(_ method: ReLiF, on tape: Tape = Tape(), at step: Step = late) throws -> LossTerms {
    try method.loss(MethodTests().batch(method.recipe), at: step, on: tape)
  }

  static let variants: [([String: String], Set<String>)] = [
    ([:], ["dice", "crossEntropy", "cgcr", "kl", "larc"]),
    (
      ["larc.mode": "both", "larc.layer": "dec2", "larc.head": "trainable"],
      ["dice", "crossEntropy", "cgcr", "kl", "larc", "priorAlign"]
    ),
    (["fidelity": "literalPage"], ["dice", "crossEntropy", "cgcr", "kl", "priorAlign"]),
    (
      ["larc.scope": "all", "larc.head": "identity", "kl.gate": "0.3", "kl.target": "hardMask", "cgcr.prior": "soft"],
      ["dice", "crossEntropy", "cgcr", "kl", "larc"]
    ),
    (
      ["larc.mode": "none", "cgcr.gate": "js", "cgcr.term": "kl", "cgcr.stopGradient": "clean", "kl.scope": "unlabelled"],
      ["dice", "crossEntropy", "cgcr", "kl"]
    ),
  ]

  @Test(arguments: variants) func everyTermActsAndThoseOfThePriorDependOnIt(options: [String: String], names: Set<String>) throws
  {
    let prior = NegatablePrior(BallPrior()), method = try method(options, prior: prior), tape = Tape()
    let terms = try terms(method, on: tape)
    #expect(Set(terms.byName.map(\.name)) == names)
    for (name, group) in terms.byName {
      for module in method.trained { module.parameters.clearGradients() }
      tape.backward(from: group.terms.map { ($0.scalar, weight: $0.weight) }, keepRecords: true)
      #expect(method.trained[0].parameters.gradientNorm > 0, "\(name)")
    }
    prior.isNegated = true
    let opposite = Dictionary(uniqueKeysWithValues: try self.terms(method).byName.map { ($0.name, $0.group.value) })
    for (name, group) in terms.byName where group.terms.contains(where: \.readsPrior) {
      #expect(opposite[name] != group.value, "\(name) must change with the prior")
    }
    for name in ["dice", "crossEntropy"] { #expect(opposite[name] == terms.byName.first { $0.name == name }!.group.value) }
  }

  @Test func theReleasedObjectiveDoesNotDependOnThePrior() throws {
    func run(_ prior: (any Prior)?) throws -> ([Double], [Float]) {
      let method = try method(["fidelity": "released", "cgcr.prior": "agree"], prior: prior), tape = Tape()
      let terms = try terms(method, on: tape)
      tape.backward(from: terms.terms.map { ($0.scalar, weight: $0.weight) })
      #expect(terms.byName.map(\.name) == ["dice", "crossEntropy", "kl", "cgcr"])
      #expect(terms.byName[2].group.value >= 0.69314718)
      return (terms.terms.map(\.scalar.value), method.trained[0].parameters.gradients.values)
    }
    let none = try run(nil), ball = try run(BallPrior())
    #expect(none.0 == ball.0)
    let same = none.1 == ball.1
    #expect(same)
  }

  @Test func priorTermsAreAbsentWithoutAPriorAndZeroWithoutAnAnswer() throws {
    #expect(Set(try terms(method(prior: nil)).terms.map(\.name)) == ["dice", "crossEntropy", "cgcr"])
    let silent = try terms(method(prior: BallPrior(isSilent: true)))
    for (name, group) in silent.byName where group.terms.contains(where: \.readsPrior) {
      #expect(group.value == 0 && group.weight > 0, "\(name)")
    }
    #expect(silent.diagnostics.contains { $0.name == "priorPresent" && $0.value == 0 })
  }

  @Test(arguments: [TapeMemory.standard, .lean]) func theLeanOrderOfViewsGivesTheSameBits(memory: TapeMemory) throws {
    func gradient(_ order: String) throws -> [Float] {
      let method = try method(["viewOrder": order]), tape = Tape(memory: memory)
      tape.backward(from: try terms(method, on: tape).terms.map { ($0.scalar, weight: $0.weight) })
      return method.trained[0].parameters.gradients.values
    }
    let joint = try gradient("joint"), lean = try gradient("lean")
    let same = joint == lean
    #expect(same)
  }

  /// The lean order hands on only values of the clean view's features: equal gradients show that no gradient flows into them in the joint
  /// order either.
  @Test func noGradientFlowsIntoTheCleanFeatures() throws {
    func gradient(_ order: String) throws -> [Float] {
      let method = try method(["viewOrder": order]), tape = Tape()
      let larc = try terms(method, on: tape).terms.first { $0.name == "larc" }!
      tape.backward(from: [(larc.scalar, weight: 1)])
      return method.trained[0].parameters.gradients.values
    }
    let joint = try gradient("joint"), lean = try gradient("lean")
    let same = joint == lean
    #expect(same && joint.contains { $0 != 0 })
  }

  @Test(arguments: [(0, 0.90), (3000, 0.88), (7500, 0.85), (15000, 0.80), (22500, 0.75), (29999, 0.7000067)])
  func gateThresholds(step: Int, expected: Double) throws {
    let method = try ReLiF(MethodTests().plan("relif"))
    #expect(abs(method.gateThreshold(at: Step(index: step, total: 30000, seed: 1)) - expected) < 1e-6)
  }

  @Test(arguments: [(0, 0.0), (999, 0), (1000, 0.04), (1500, 0.06), (2000, 0.08), (29999, 0.08)])
  func alignmentWarmsUp(step: Int, expected: Double) throws {
    #expect(abs(try method().alignmentWeight(at: Step(index: step, total: 30000, seed: 1)) - expected) < 1e-9)
  }

  @Test(arguments: [(0, 0.006737947), (10, 0.060054668), (20, 0.286504797), (30, 0.731615629), (40, 1)])
  func consistencyRamp(step: Int, expected: Double) throws {
    let now = Step(index: step, total: 40, seed: 1)
    #expect(abs(try method(["cgcr.ramp": "sigmoid"]).consistencyWeight(at: now) - expected) < 1e-8)
    #expect(try method().consistencyWeight(at: now) == 1)
  }

  @Test func optionsThatCannotWorkAreRefused() {
    final class Plain: Prior {
      let title = "plain"
      func answer(for sample: Sample, student: Tensor, at step: Step) -> PriorAnswer? { nil }
    }
    #expect { try method(["larc.mode": "priorAlign"], prior: Plain()) } throws: { "\($0)".contains("plain has none") }
    #expect { try method(["kl.temperature": "0"]) } throws: { "\($0)".contains("kl.temperature") }
  }
}
