// Pseudo-labels beside whatever a method makes of a batch: the term that they add is that of the student's own predictions of the clean crops, and it acts.

import Foundation
import MPI
import Methods
import Preparation
import Tensors
import TestSupport
import Testing
import Training
import Volumes

@Suite struct PseudoLabelTermTests {
  /// A run on the tiny cohort whose unlabelled volumes have labels in stripes, and those.
  private func striped(_ folder: String, _ method: String, structures: Int = 2, _ keys: [String] = []) throws -> (
    work: MethodWork, labels: [String: [UInt8]]
  ) {
    if !FileManager.default.fileExists(atPath: folder + "/run") { try TinyCohort.write(to: folder, structures: structures) }
    let configuration = try RunConfiguration(
      yaml: TinyCohort.runFile(data: folder, output: folder + "/run", method: method), source: "test",
      overrides: ["steps=9", "lanes=1", "validation.every=0"] + keys)
    let entries = try PackIndex(folder: folder).entries.filter { $0.role == .unlabelled }
    let volumes = Dictionary(
      uniqueKeysWithValues: entries.map { entry in
        (entry.identifier, (0..<entry.extent.count).map { UInt8($0 / 50 % (1 + structures)) })
      })
    try FileManager.default.createDirectory(atPath: configuration.output, withIntermediateDirectories: true)
    let run = try Run(configuration, rank: 0, ranks: 1) { stage in
      try MethodWork(stage, make: makeMethod) { store in
        let labels = StudentPseudoLabels(given: stage.configuration, store)
        labels.give(volumes)
        return labels
      }
    }
    return (run.methodWork, volumes)
  }

  private let step = Step(index: 4, total: 9, seed: 5)

  /// What the student of a run says of the unlabelled crops of the step, with their labels.
  private func crops(_ run: (work: MethodWork, labels: [String: [UInt8]])) throws -> [(prediction: Prediction, labels: [UInt8])] {
    let samples = try run.work.loader.batch(lane: 0, at: step).unlabelled
    return run.work.method.predictor.predict(samples, .clean, at: step, on: Tape(recording: false))
      .map { ($0, $0.sample.place!.cut(labels: run.labels[$0.sample.identifier]!)) }
  }

  @Test(arguments: ["mean-teacher", "ac-mt", "ict", "bcp", "dtc", "cct", "magicnet", "cps"])
  func everyMethodLearnsFromThemToo(method: String) throws {
    try withTemporaryFolder { folder in
      let needs = method == "magicnet" ? ["patch=[32, 32, 64]", "method.cubes=2"] : []
      let run = try striped(folder, method, structures: method == "dtc" ? 1 : 2, needs), work = run.work, tape = Tape()
      let terms = try work.batch(lane: 0, at: step).loss(tape, nil)
      let expected = pseudoLabelTerms(try crops(run), weight: 1, readsPrior: false, on: Tape(recording: false))
      for (name, group) in LossTerms(expected).byName {
        let found = try #require(terms.byName.first { $0.name == name }, "\(name)").group
        // MagicNet's plain pass leaves the dropout before the head out.
        #expect(method == "magicnet" || found.value == group.value, "\(name)")
        for module in work.method.trained { module.parameters.clearGradients() }
        tape.backward(from: found.terms.map { ($0.scalar, weight: $0.weight) }, keepRecords: true)
        #expect(found.weight == 0.5 && work.method.trained[0].parameters.gradientNorm > 1e-6, "\(name)")
      }
    }
  }

  /// Labels that agree with the student less than is asked for teach nothing, and the log says so.
  @Test func labelsThatTheStudentDoesNotSeeAreLeftOut() throws {
    try withTemporaryFolder { folder in
      func terms(least: Double) throws -> (dice: Double, crops: Double) {
        let work = try striped(folder, "mean-teacher", ["pseudoLabels.leastAgreement=\(least)"]).work
        let terms = try work.batch(lane: 0, at: step).loss(Tape(), nil)
        let dice = try #require(terms.byName.first { $0.name == "pseudoDice" }).group.value
        return (dice, try #require(terms.diagnostics.first { $0.name == "pseudoCrops" }).value)
      }
      let all = try terms(least: 0)
      #expect(all.crops == 1 && all.dice > 0)
      let agreements = try crops(try striped(folder, "mean-teacher")).map { prediction, labels in
        LabelAgreement(likeliestLabels(prediction.logits), labels).dice
      }
      let (least, most) = (try #require(agreements.min()), try #require(agreements.max()))
      #expect(least > 0 && most < 1)
      #expect(try terms(least: least) == all)
      #expect(try terms(least: most + 1e-6) == (0, 0))
    }
  }
}
