// The methods that ReLiF-3D is compared with: which terms act, what depends on the prior, who follows whom, and the
// published form of SemiSAM+, which is a mean teacher and a constant.

import Learning
import Methods
import Networks
import Preparation
import Tensors
import Testing

/// A prior that sees class 1 in the first slices and class 2 in the last, or the other way round.
final class SlabPrior: Prior {
  let title = "slabs"
  private(set) var questions = 0
  private let isSwapped: Bool
  private let isPresent: [Bool]?
  private let uncertainty: (@Sendable (Int) -> Float)?

  /// - Parameters:
  ///   - isPresent: nil for a prior that does not answer.
  ///   - uncertainty: of a voxel, for both classes.
  init(isSwapped: Bool = false, isPresent: [Bool]? = [true, true], uncertainty: (@Sendable (Int) -> Float)? = nil) {
    (self.isSwapped, self.isPresent, self.uncertainty) = (isSwapped, isPresent, uncertainty)
  }

  func answer(for sample: Sample, student: Tensor, at step: Step) -> PriorAnswer? {
    questions += 1
    guard let isPresent else { return nil }
    let count = student.shape.rows, shape = Shape(student.shape.sizes.dropLast() + [2])
    let logits = (0..<2 * count).map { index in
      let depth = index / 2 * 8 / count, isSecond = (index % 2 == 1) != isSwapped
      return Float(isSecond ? depth - 5 : 2 - depth) + 0.5
    }
    let variance = uncertainty.map { u in Tensor((0..<2 * count).map { u($0 / 2) }, shape: shape) }
    return PriorAnswer(logits: Tensor(logits, shape: shape), isPresent: isPresent, uncertainty: variance)
  }
}

@Suite struct BaselineTests {
  /// Methods that cannot be built without a prior.
  static let guided = ["semisam-plus", "semisam-o1", "prior-only"]
  static let late = Step(index: 2, total: 10, seed: 7)

  func method(_ name: String, _ options: [String: String] = [:], prior: (any Prior)? = SlabPrior()) throws -> any Method {
    try makeMethod(name, MethodTests().plan(name, options, prior: prior))
  }

  func terms(_ method: any Method, at step: Step = late, on tape: Tape = Tape(recording: false)) throws -> LossTerms {
    try method.loss(MethodTests().batch(method.recipe), at: step, on: tape)
  }

  func value(_ name: String, _ method: any Method, at step: Step = late) throws -> Double {
    try terms(method, at: step).terms.first { $0.name == name }!.scalar.value
  }

  /// Loss, gradient, plain descent, and what the method does after it. Returns the student's last gradient.
  @discardableResult func train(_ method: any Method, steps: Range<Int>, of total: Int = 9) throws -> [Float] {
    let student = method.trained[0].parameters
    for index in steps {
      let step = Step(index: index, total: total, seed: 7), tape = Tape()
      student.clearGradients()
      tape.backward(from: try terms(method, at: step, on: tape).terms.map { ($0.scalar, weight: $0.weight) })
      student.load(zip(student.values.values, student.gradients.values).map { $0 - 0.05 * $1 })
      method.afterUpdate(at: step)
    }
    return student.gradients.values
  }

  func carried(_ name: String, _ method: any Method) -> [Float] { method.carried.first { $0.name == name }!.values.values }

  @Test(arguments: ["mean-teacher"] + guided) func everyTermActsAndReadsThePriorAsDeclared(name: String) throws {
    let method = try method(name), tape = Tape(), swapped = try self.method(name, prior: SlabPrior(isSwapped: true))
    let found = try terms(method, on: tape), opposite = try terms(swapped)
    let expected = [
      "mean-teacher": ["dice", "crossEntropy", "consistency"],
      "semisam-plus": ["dice", "crossEntropy", "consistency", "generalist"],
      "semisam-o1": ["dice", "crossEntropy", "consistency", "pseudoDice", "pseudoCrossEntropy"],
      "prior-only": ["dice", "crossEntropy", "pseudoDice", "pseudoCrossEntropy"],
    ]
    #expect(found.terms.map(\.name) == expected[name]!)
    for (term, other) in zip(found.terms, opposite.terms) {
      method.trained[0].parameters.clearGradients()
      tape.backward(from: [(term.scalar, weight: 1)], keepRecords: true)
      #expect(method.trained[0].parameters.gradientNorm > 0 && term.weight > 0, "\(term.name)")
      #expect((term.scalar.value != other.scalar.value) == term.readsPrior, "\(term.name)")
    }
  }

  @Test(arguments: guided) func aPriorWithoutAnAnswerCountsAsZero(name: String) throws {
    for prior in [SlabPrior(isPresent: nil), SlabPrior(isPresent: [false, false])] {
      let silent = try terms(method(name, prior: prior)), speaking = try terms(method(name))
      #expect(silent.terms.map(\.name) == speaking.terms.map(\.name))
      for term in silent.terms where term.readsPrior { #expect(term.scalar.value == 0, "\(term.name)") }
    }
  }

  @Test(arguments: guided) func withoutAPriorTheyCannotStart(name: String) {
    #expect { try method(name, prior: nil) } throws: { "\($0)".contains("set prior.kind, or method") }
  }

  @Test func theTeacherFollowsTheStudent() throws {
    let method = try method("mean-teacher")
    try train(method, steps: 0..<1)
    let first = method.trained[0].parameters.values.values
    #expect(carried("teacher", method) == first, "the first step copies")
    try train(method, steps: 1..<2)
    let second = method.trained[0].parameters.values.values
    let mean = zip(first, second).map { 0.5 * ($0 + $1) }
    #expect(first != second && zip(carried("teacher", method), mean).allSatisfy { abs($0 - $1) < 1e-6 })
  }

  @Test(arguments: ["mean-teacher", "ua-mt"]) func theReleasedFormIsThePlainSpecialistAndAConstant(specialist: String) throws {
    let prior = SlabPrior()
    let released = try method("semisam-plus", ["fidelity": "released", "specialist": specialist], prior: prior)
    let unguided = try method("semisam-plus", ["fidelity": "released", "specialist": specialist], prior: nil)
    let reference = try specialist == "mean-teacher" ? method("mean-teacher", prior: nil) : unguided
    let gradient = try train(released, steps: 0..<3), expected = try train(reference, steps: 0..<3)
    let sameGradients = gradient == expected
    let sameWeights = released.trained[0].parameters.values.values == reference.trained[0].parameters.values.values
    #expect(sameGradients && sameWeights && prior.questions == 0)
    let constant = try terms(released).terms.last!
    #expect(constant.name == "generalist" && constant.scalar.value == 1 && constant.scalar.slot == nil && !constant.readsPrior)

    let intent = try method("semisam-plus", ["specialist": specialist])
    let differs = try train(intent, steps: 0..<3) != expected
    #expect(differs)
  }

  @Test func thePriorsUncertaintyMovesWeightBetweenVoxels() throws {
    func loss(_ uncertainty: (@Sendable (Int) -> Float)?) throws -> Double {
      try value("generalist", method("semisam-plus", prior: SlabPrior(uncertainty: uncertainty)))
    }
    let plain = try loss(nil), even = try loss { _ in 0.05 }, uneven = try loss { $0 % 7 == 0 ? 0.2 : 0.01 }
    #expect(abs(even - plain) < 1e-6 * plain, "equal uncertainty everywhere is no uncertainty")
    #expect(abs(uneven - plain) > 1e-6 * plain)
  }

  @Test func consistencyCountsCertainVoxelsOnly() throws {
    let early = Step(index: 0, total: 10, seed: 7)
    let all = try method("semisam-plus"), certain = try method("semisam-plus", ["specialist": "ua-mt"])
    #expect(try value("consistency", all, at: early) != value("consistency", certain, at: early))
    let share = try terms(certain, at: early).diagnostics.first { $0.name == "certainVoxels" }!.value
    #expect(share > 0 && share < 1)
  }

  @Test(arguments: [(0, 0.01), (15000, 2.865048e-3), (30000, 6.737947e-5)])
  func theGeneralistsTermCountsEarlyOnly(step: Int, expected: Double) throws {
    let method = try method("semisam-plus") as! SemiSAMPlus
    #expect(abs(method.generalistWeight(at: Step(index: step, total: 30000, seed: 1)) / expected - 1) < 1e-6)
  }

  @Test(
    arguments: [(0, 0.0), (1500, 0.5), (3000, 1), (9999, 1), (10000, 0), (11500, 0.5), (13000, 1), (20000, 0), (29999, 1)])
  func eachRoundWarmsUp(step: Int, expected: Double) throws {
    let method = try method("semisam-o1") as! SemiSAMO1
    #expect(abs(method.pseudoLabelWeight(at: Step(index: step, total: 30000, seed: 1)) - expected) < 1e-9)
  }

  @Test func laterRoundsLearnFromTheStudentOfTheRoundBefore() throws {
    let prior = SlabPrior(), method = try method("semisam-o1", prior: prior)
    try train(method, steps: 0..<3)
    let afterFirst = method.trained[0].parameters.values.values
    #expect(prior.questions == 3 && carried("finishedRounds", method) == [1])
    var same = carried("earlier", method) == afterFirst
    #expect(same)
    try train(method, steps: 3..<5)
    same = carried("earlier", method) == afterFirst
    #expect(prior.questions == 3 && same, "the prior is asked in the first round only")
    let pseudo = try terms(method, at: Step(index: 4, total: 9, seed: 7)).terms.filter { $0.name.hasPrefix("pseudo") }
    #expect(pseudo.allSatisfy { $0.scalar.value > 0 && !$0.readsPrior })
    // The step that would end the second round was skipped: the next one ends it.
    try train(method, steps: 6..<7)
    same = carried("earlier", method) == method.trained[0].parameters.values.values
    #expect(same && carried("finishedRounds", method) == [2])
    try train(method, steps: 7..<9)
    #expect(carried("finishedRounds", method) == [2], "nothing follows the last round")
  }
}
