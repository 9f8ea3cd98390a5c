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
  @Test(arguments: ["mean-teacher", "ac-mt", "ict", "bcp", "dtc", "cct", "magicnet", "cps"])
  func everyMethodLearnsFromThemToo(method: String) throws {
    try withTemporaryFolder { folder in
      let structures = method == "dtc" ? 1 : 2
      try TinyCohort.write(to: folder, structures: structures)
      let yaml = TinyCohort.runFile(data: folder, output: folder + "/run", method: method)
      let needs = method == "magicnet" ? ["patch=[32, 32, 64]", "method.cubes=2"] : []
      let configuration = try RunConfiguration(
        yaml: yaml, source: "test", overrides: ["steps=9", "lanes=1", "validation.every=0"] + needs)
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
      let work = run.methodWork, step = Step(index: 4, total: 9, seed: 5), tape = Tape()
      let terms = try work.batch(lane: 0, at: step).loss(tape, nil)
      let samples = try work.loader.batch(lane: 0, at: step).unlabelled
      let student = work.method.predictor.predict(samples, .clean, at: step, on: Tape(recording: false))
      let expected = pseudoLabelTerms(
        student.map { ($0, $0.sample.place!.cut(labels: volumes[$0.sample.identifier]!)) }, weight: 1, readsPrior: false,
        on: Tape(recording: false))
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
}
