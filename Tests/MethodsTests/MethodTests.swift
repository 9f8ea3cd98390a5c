// Every method in the catalogue: finite losses, a gradient for every trained parameter that can have one, the same numbers twice,
// and the published schedules.

import Learning
import Methods
import Networks
import Preparation
import Settings
import Tensors
import Testing

@Suite struct MethodTests {
  /// A plan with a small network; one with several heads for the method that needs them, of one structure for the method that takes no more.
  func plan(
    _ name: String, _ options: [String: String] = [:], prior: (any Prior)? = nil, isHeaded: Bool? = nil, classes: Int? = nil
  ) throws -> MethodPlan {
    let table = methodCatalog.first { $0.name == name }?.options ?? [], isHeaded = isHeaded ?? (name == "urpc")
    let options = name == "magicnet" ? ["cubes": "2"].merging(options) { $1 } : options
    let size = isHeaded ? ["base": "2", "strides": "2,2,2;2,2,2;2,2,2"] : ["base": "2"]
    return MethodPlan(
      networkName: isHeaded ? "plainconvunet" : "unet3d",
      network: NetworkPlan(inputChannels: 1, classes: classes ?? Self.classes(name), options: size, seed: 1),
      options: try SettingValues(options, of: table, source: "test"), patch: Self.patch(name), prior: prior)
  }

  static func classes(_ method: String) -> Int { method == "dtc" ? 2 : 3 }

  /// Cubes of a half of its sides have more than one voxel left at the coarsest level.
  static func patch(_ method: String) -> [Int] { method == "magicnet" ? [32, 32, 64] : [16, 16, 32] }

  func batch(_ recipe: BatchRecipe, classes: Int = 3, patch: [Int] = [16, 16, 32]) -> Batch {
    let count = patch.reduce(1, *)
    func image(_ key: UInt64) -> Tensor {
      Tensor((0..<count).map { Float(RandomKey(key).gaussian(UInt64($0))) }, shape: Shape([1] + patch + [1]))
    }
    func sample(_ name: String, label: [UInt8]?) -> Sample {
      Sample(identifier: name, draw: 3, views: [.clean: image(1), .biased: image(2)], label: label)
    }
    let label = (0..<count).map { UInt8($0 / 900 % classes) }
    return Batch(
      labelled: (0..<recipe.labelledCount).map { sample($0 == 0 ? "l" : "l\($0)", label: label) },
      unlabelled: (0..<recipe.unlabelledCount).map { sample("u\($0)", label: nil) })
  }

  @Test(arguments: methodCatalog.map { $0.name }) func lossesGiveGradientsAndRepeat(name: String) throws {
    let options = name == "relif" ? ["cgcr.thresholdStart": "0.3", "cgcr.thresholdEnd": "0.3"] : [:]
    func totals() throws -> (Double, [[Float]]) {
      let method = try makeMethod(name, plan(name, options, prior: BaselineTests.guided.contains(name) ? SlabPrior() : nil)),
        tape = Tape()
      let step = Step(index: 2, total: 10, seed: 7)
      let terms = try method.loss(batch(method.recipe, classes: Self.classes(name), patch: Self.patch(name)), at: step, on: tape)
      #expect(terms.terms.allSatisfy { $0.scalar.value.isFinite && $0.weight.isFinite } && !terms.terms.isEmpty)
      tape.backward(from: terms.terms.map { ($0.scalar, weight: $0.weight) })
      // A normalisation takes away the bias of the convolution before it. This untrained network finds class 1 nowhere, so `ss-net` remembers nothing of it.
      for parameter in method.trained.flatMap(\.parameters.parameters)
      where !parameter.name.contains(/\.([036]|conv)\.bias$|selector_1/) {
        #expect(parameter.gradient.values.contains { $0 != 0 }, "\(name): \(parameter.name)")
      }
      return (terms.total, method.trained.map { $0.parameters.gradients.values })
    }
    let first = try totals(), second = try totals()
    #expect(first.0 == second.0 && first.1 == second.1)
  }

  /// Each term by itself, also where another one would hide that it is a constant.
  @Test(
    arguments: [
      ("bcp", [:]), ("bcp", ["phase": "preTraining"]), ("dtc", [:]), ("cct", [:]), ("magicnet", [:]),
      ("magicnet", ["cubeOrder": "released"]), ("ac-mt", ["ambiguity": "prototype"]), ("ss-net", [:]),
    ] as [(String, [String: String])])
  func everyTermGivesAGradient(name: String, options: [String: String]) throws {
    let method = try makeMethod(name, plan(name, options)), tape = Tape()
    let batch = batch(method.recipe, classes: Self.classes(name), patch: Self.patch(name))
    let terms = try method.loss(batch, at: Step(index: 5, total: 10, seed: 7), on: tape)
    #expect(!terms.byName.isEmpty)
    for (term, group) in terms.byName {
      for module in method.trained { module.parameters.clearGradients() }
      tape.backward(from: group.terms.map { ($0.scalar, weight: $0.weight) }, keepRecords: true)
      #expect(group.weight > 0 && method.trained.contains { $0.parameters.gradientNorm > 1e-9 }, "\(name): \(term)")
    }
  }

  @Test func supervisedLossFadesFromDiceToCrossEntropy() throws {
    let method = try makeMethod("supervised", plan("supervised"))
    for (index, dice) in [(0, 1.0), (4, 0.6), (10, 0.0)] {
      let terms = try method.loss(batch(method.recipe), at: Step(index: index, total: 10, seed: 7), on: Tape(recording: false))
        .terms
      #expect(abs(terms[0].weight - dice) < 1e-12 && abs(terms[1].weight - (1 - dice)) < 1e-12)
    }
  }

  @Test func mistakesAreNamed() {
    #expect { try makeMethod("relief", plan("relief")) } throws: { "\($0)".contains("relif") }
    #expect { try plan("relif", ["kl.gat": "1"]) } throws: { "\($0)".contains("kl.gate") }
    #expect { try plan("relif", ["cgcr.thresholdStart": "2"]) } throws: { "\($0)".contains("thresholdStart") }
    #expect { try plan("relif", ["sobf": "none"]) } throws: { "\($0)".contains("paper") }
    #expect { try plan("relif", ["sup": "dice"]) } throws: { "\($0)".contains("crossfade") }
  }
}
