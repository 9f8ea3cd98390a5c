// Every method in the catalogue: finite losses, a gradient for every trained parameter that can have one, the same numbers twice, and the
// schedules that the specification prints.

import Learning
import Methods
import Networks
import Tensors
import Testing

@Suite struct MethodTests {
  func plan(_ options: [String: String] = [:], prior: (any Prior)? = nil) -> MethodPlan {
    MethodPlan(
      networkName: "unet3d", network: NetworkPlan(inputChannels: 1, classes: 3, options: ["base": "2"], seed: 1),
      options: options,
      prior: prior)
  }

  func batch(_ recipe: BatchRecipe) -> Batch {
    func image(_ key: UInt64) -> Tensor {
      Tensor((0..<(16 * 16 * 32)).map { Float(RandomKey(key).gaussian(UInt64($0))) }, shape: [1, 16, 16, 32, 1])
    }
    func sample(_ name: String, _ views: ViewRequest, label: [UInt8]?) -> Sample {
      Sample(
        identifier: name, draw: 3, clean: views.contains(.clean) ? image(1) : nil,
        biased: views.contains(.biased) ? image(2) : nil,
        label: label)
    }
    let label = (0..<(16 * 16 * 32)).map { UInt8($0 / 900 % 3) }
    return Batch(
      labelled: recipe.labelled.isEmpty ? [] : [sample("l", recipe.labelled, label: label)],
      unlabelled: recipe.unlabelled.isEmpty ? [] : [sample("u", recipe.unlabelled, label: nil)])
  }

  @Test(arguments: methodCatalog.map { $0.name }) func lossesActAndRepeat(name: String) throws {
    let options = name == "relif" ? ["gateStart": "0.3", "gateEnd": "0.3"] : [:]
    func totals() throws -> (Double, [[Float]]) {
      let method = try makeMethod(name, plan(options, prior: BaselineTests.guided.contains(name) ? SlabPrior() : nil)),
        tape = Tape()
      let step = Step(index: 2, total: 10, seed: 7)
      let terms = try method.loss(batch(method.recipe), at: step, on: tape)
      #expect(terms.terms.allSatisfy { $0.scalar.value.isFinite && $0.weight.isFinite } && !terms.terms.isEmpty)
      tape.backward(from: terms.terms.map { ($0.scalar, weight: $0.weight) })
      for parameter in method.trained.flatMap(\.parameters.parameters) where !parameter.name.hasSuffix(".0.bias") {
        #expect(parameter.gradient.values.contains { $0 != 0 }, "\(name): \(parameter.name)")
      }
      return (terms.total, method.trained.map { $0.parameters.gradients.values })
    }
    let first = try totals(), second = try totals()
    #expect(first.0 == second.0 && first.1 == second.1)
  }

  @Test func everyTermOfReLiFGivesAGradientOfItsOwn() throws {
    let method = try makeMethod("relif", plan(["gateStart": "0.2", "gateEnd": "0.2"])), tape = Tape()
    let terms = try method.loss(batch(method.recipe), at: Step(index: 5, total: 10, seed: 7), on: tape)
    #expect(Set(terms.terms.map(\.name)) == ["dice", "crossEntropy", "consistency"])
    for term in terms.terms {
      method.trained[0].parameters.clearGradients()
      tape.backward(from: [(term.scalar, weight: 1)], keepRecords: true)
      #expect(method.trained[0].parameters.gradientNorm > 0, "\(term.name)")
    }
  }

  @Test(arguments: [(0, 0.90), (3000, 0.88), (7500, 0.85), (15000, 0.80), (22500, 0.75), (29999, 0.7000067)])
  func gateThresholds(step: Int, expected: Double) throws {
    let method = try makeMethod("relif", plan()) as! ReLiF
    #expect(abs(method.gateThreshold(at: Step(index: step, total: 30000, seed: 1)) - expected) < 1e-6)
  }

  @Test(arguments: [(0, 0.006737947), (10, 0.060054668), (20, 0.286504797), (30, 0.731615629), (40, 1)])
  func consistencyRamp(step: Int, expected: Double) throws {
    let ramped = try makeMethod("relif", plan(["ramp": "sigmoid"])) as! ReLiF,
      published = try makeMethod("relif", plan()) as! ReLiF
    let now = Step(index: step, total: 40, seed: 1)
    #expect(abs(ramped.consistencyWeight(at: now) - expected) < 1e-8 && published.consistencyWeight(at: now) == 1)
  }

  @Test func supervisedLossFadesFromDiceToCrossEntropy() throws {
    let method = try makeMethod("supervised", plan())
    for (index, dice) in [(0, 1.0), (4, 0.6), (10, 0.0)] {
      let terms = try method.loss(batch(method.recipe), at: Step(index: index, total: 10, seed: 7), on: Tape(recording: false))
        .terms
      #expect(abs(terms[0].weight - dice) < 1e-12 && abs(terms[1].weight - (1 - dice)) < 1e-12)
    }
  }

  @Test func mistakesAreNamed() {
    #expect { try makeMethod("relief", plan()) } throws: { "\($0)".contains("relif") }
    #expect { try makeMethod("relif", plan(["gate": "1"])) } throws: { "\($0)".contains("gateStart") }
    #expect { try makeMethod("relif", plan(["gateStart": "2"])) } throws: { "\($0)".contains("gateStart") }
    #expect { try makeMethod("relif", plan(["sobf": "none"])) } throws: { "\($0)".contains("paper") }
    #expect { try makeMethod("relif", plan(["sup": "dice"])) } throws: { "\($0)".contains("crossfade") }
  }
}
