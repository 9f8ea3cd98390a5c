// The methods that ReLiF-3D is compared with, through the real loop: teachers, earlier students and rounds survive an interruption.

import Foundation
import MPI
import Methods
import Preparation
import Tensors
import TestSupport
import Testing
import Training

/// Sees class 1 where the crop is bright and class 2 where it is dark, which is what the phantoms show.
private final class BrightnessPrior: Prior {
  let title = "brightness"

  func answer(for sample: Sample, student: Tensor, at step: Step) -> PriorAnswer? {
    let logits = sample.clean!.values.flatMap { [$0 - 2, -$0 - 1.5] }
    return PriorAnswer(
      logits: Tensor(logits, shape: Shape(student.shape.sizes.dropLast() + [2])), isPresent: [true, true])
  }
}

@Suite struct BaselineRunTests {
  func run(_ method: String, _ folder: String, _ output: String, every: Int) throws -> Run {
    let yaml = TinyCohort.runFile(data: folder, output: "\(folder)/\(output)", method: method)
    let configuration = try RunConfiguration(
      yaml: yaml, source: "test", overrides: ["steps=6", "lanes=2", "checkpoint.every=\(every)", "validation.every=0"])
    try FileManager.default.createDirectory(atPath: "\(folder)/\(output)", withIntermediateDirectories: true)
    return try Run(configuration, rank: 0, ranks: 1) { stage in
      try MethodWork(stage) { name, plan in
        var plan = plan
        plan.prior = BrightnessPrior()
        return try makeMethod(name, plan)
      }
    }
  }

  /// The published program's term is a constant: a run warns of it, once.
  @Test func warnsAboutATermWithoutGradient() throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder)
      let file = folder + "/run.yaml"
      try TinyCohort.runFile(data: folder, output: folder + "/run", method: "semisam-plus").write(
        toFile: file, atomically: true, encoding: .utf8)
      let (status, text) = try runAlone(
        ["train", file, "method.fidelity=released", "steps=14", "lanes=1"], executable: "cohort")
      try #require(status == 0, "\(text)")
      #expect(text.components(separatedBy: "THE LOSS TERM generalist GAVE NO GRADIENT in 10 steps").count == 2, "\(text)")
      #expect(!text.contains("THE LOSS TERM dice"))
    }
  }

  @Test(arguments: ["semisam-plus", "semisam-o1"]) func anInterruptedRunEndsInTheSameBytes(name: String)
    throws
  {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder)
      let whole = try run(name, folder, "whole", every: 0)
      let before = whole.methodWork.method.trained[0].parameters.values.values
      _ = try whole.trained()
      _ = try run(name, folder, "part", every: 3).trained()
      // Only step 3, in the middle of the second round of SemiSAM-O1, is left.
      try FileManager.default.removeItem(atPath: folder + "/part/checkpoints/step-00000006")
      let continued = try run(name, folder, "part", every: 0)
      _ = try continued.trained()
      let changed = before != whole.methodWork.method.trained[0].parameters.values.values
      #expect(changed)
      for (a, b) in zip(whole.methodWork.method.trained, continued.methodWork.method.trained) {
        let same = a.parameters.values.values == b.parameters.values.values
        #expect(same, "\(a.name)")
      }
      for (a, b) in zip(whole.methodWork.method.carried, continued.methodWork.method.carried) {
        let same = a.values.values == b.values.values
        #expect(same, "\(a.name)")
      }
    }
  }
}
