// Runs with a frozen prior: embeddings are the same whoever computes them and wherever they are kept, every kind of prior goes
// through the loop, and what cannot be a prior is refused in a sentence.

import Foundation
import Learning
import MPI
import Methods
import Networks
import Preparation
import Tensors
import TestSupport
import Testing
import Training
import Volumes
import Weights

@Suite(.serialized) struct PriorRunTests {
  /// A random SAM-Med3D of 32x32x32 voxels, all its blocks global.
  static func writeNetwork(to path: String) throws {
    let plan = SAMMed3DPlan(
      imageSize: 32, patchSize: 8, embedding: 16, depth: 2, heads: 2, globalBlocks: [0, 1], window: 4, promptDimension: 48)
    try Safetensors.write(ParameterSet(SAMMed3D.specification(plan), seed: 3).stateDict, to: path)
  }

  func configuration(_ folder: String, _ overrides: [String] = []) throws -> RunConfiguration {
    try RunConfiguration(
      yaml: TinyCohort.runFile(data: folder + "/packs", output: folder + "/run"), source: "test",
      overrides: ["prior.kind=sam-med3d", "prior.checkpoint=\(folder)/sam.safetensors"] + overrides)
  }

  /// A network of zeros answers 0 to everything, and minus that is the same: the terms that should depend on it are named.
  @Test func warnsAboutAPriorThatNoTermUses() throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder + "/packs")
      try Self.writeNetwork(to: folder + "/sam.safetensors")
      let arrays = try Safetensors.read(folder + "/sam.safetensors")
      try Safetensors.write(
        arrays.mapValues { StoredTensor(shape: $0.shape, values: $0.values.map { _ in 0 }) }, to: folder + "/sam.safetensors")
      let file = folder + "/run.yaml"
      try TinyCohort.runFile(data: folder + "/packs", output: folder + "/run").write(
        toFile: file, atomically: true, encoding: .utf8)
      let (status, text) = try runAlone(
        ["train", file, "prior.checkpoint=\(folder)/sam.safetensors", "steps=30", "lanes=1", "optimizer.learningRate=0.1"],
        executable: "cohort")
      try #require(status == 0, "\(text)")
      #expect(text.contains("THE LOSS TERM larc DOES NOT DEPEND ON THE PRIOR"), "\(text)")
      #expect(!text.contains("THE LOSS TERM cgcr"), "\(text)")
    }
  }

  // MARK: Embeddings

  /// The answers of a prior to two crops, after its preparation.
  func answers(_ folder: String) throws -> [Float] {
    let run = try Run(configuration(folder), rank: 0, ranks: 1).methodWork, setup = try #require(run.priorSetup)
    let numbers = try setup.prepare(run.split, lanes: run.unlabelledOfLanes, over: Communicator.alone, console: Console(rank: 1))
    #expect([4, 8, 12].contains(numbers["promptClip"]!) && numbers["dice.clip12"] != nil)
    #expect((0...1).contains(setup.prior.reliability) && setup.prior.reliability == numbers["reliability"])
    let step = Step(index: 3, total: 50, seed: 5), batch = try run.loader.batch(lane: 1, at: step)
    return try (batch.labelled + batch.unlabelled).flatMap { sample in
      let extent = run.description.patch
      let student = Tensor(
        (0..<extent.count).flatMap { $0 % 7 < 4 ? [0.2, 0.7, 0.1] : [0.2, 0.1, 0.7] as [Float] },
        shape: [1, extent.depth, extent.height, extent.width, 3])
      return try setup.prior.answer(for: sample, student: student, at: step)?.logits.values ?? []
    }
  }

  func cacheFiles(_ folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).map { folder + "/" + $0 }
  }

  @Test func embeddingsAreTheSameComputedReadOrMadeAgain() throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder + "/packs")
      try Self.writeNetwork(to: folder + "/sam.safetensors")
      let computed = try answers(folder), files = try cacheFiles(folder + "/packs/embeddings")
      #expect(files.count == 1 && !computed.isEmpty)
      let whole = try Data(contentsOf: URL(fileURLWithPath: files[0]))
      let modified = try FileManager.default.attributesOfItem(atPath: files[0])[.modificationDate] as? Date
      let read = try answers(folder) == computed
      let untouched = try FileManager.default.attributesOfItem(atPath: files[0])[.modificationDate] as? Date
      #expect(read && modified == untouched)
      for damaged in [whole.prefix(whole.count / 2), Data("no embeddings".utf8)] {
        try damaged.write(to: URL(fileURLWithPath: files[0]))
        let again = try answers(folder) == computed, size = try Data(contentsOf: URL(fileURLWithPath: files[0])).count
        #expect(again && size == whole.count, "a damaged file is made again")
      }
      #expect(try cacheFiles(folder + "/packs/embeddings").count == 1, "no temporary file is left")
    }
  }

  @Test func otherWeightsHaveAnotherFile() throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder + "/packs")
      try Self.writeNetwork(to: folder + "/sam.safetensors")
      let first = try answers(folder)
      var weights = try Safetensors.read(folder + "/sam.safetensors")
      let name = "image_encoder.neck.0.weight", old = weights[name]!
      weights[name] = StoredTensor(shape: old.shape, values: old.values.enumerated().map { $0 % 2 == 0 ? $1 : -$1 })
      try Safetensors.write(weights, to: folder + "/sam.safetensors")
      let differs = try answers(folder) != first
      #expect(differs)
      #expect(try cacheFiles(folder + "/packs/embeddings").count == 2)
    }
  }

  @Test(arguments: [(0.0, 0.0), (0.5, 0), (0.7, 0.5), (0.9, 1), (1, 1)])
  func reliabilityGrowsWithDice(dice: Double, expected: Double) {
    #expect(abs(PriorCalibration.reliability(dice: dice) - expected) < 1e-12)
  }

  // MARK: The command

  func train(_ folder: String, _ run: String, data: String = "packs", ranks: Int = 1, _ overrides: [String]) throws -> (
    status: Int32, output: String
  ) {
    let file = "\(folder)/\(run).yaml"
    try TinyCohort.runFile(data: "\(folder)/\(data)", output: "\(folder)/\(run)").write(
      toFile: file, atomically: true, encoding: .utf8)
    let arguments = ["train", file, "steps=6", "validation.every=0", "checkpoint.every=0"] + overrides
    return ranks == 1
      ? try runAlone(arguments, executable: "cohort") : try mpirun(ranks, arguments, timeout: 120, executable: "cohort")
  }

  func metrics(_ folder: String) throws -> [[String: Double]] {
    try String(contentsOfFile: folder + "/metrics.jsonl", encoding: .utf8).split(separator: "\n").map { line in
      reproducible(try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]))
    }
  }

  @Test(arguments: ["prior-only", "relif"]) func answersOfThePriorDoNotDependOnTheRanks(method: String) throws {
    try withTemporaryFolder { folder in
      try Self.writeNetwork(to: folder + "/sam.safetensors")
      var found: [[[String: Double]]] = []
      for ranks in 1...3 {
        // Data of their own, so that each computes all embeddings.
        try TinyCohort.write(to: folder + "/packs\(ranks)")
        let (status, output) = try train(
          folder, "run\(ranks)", data: "packs\(ranks)", ranks: ranks,
          ["method.name=\(method)", "prior.kind=sam-med3d", "prior.checkpoint=\(folder)/sam.safetensors"])
        #expect(status == 0 && output.contains("9 embeddings by SAM-Med3D, 0 from the cache"), "\(output)")
        found.append(try metrics(folder + "/run\(ranks)"))
      }
      #expect(found[0].count > 6 && found[1] == found[0] && found[2] == found[0])
      let (status, output) = try train(
        folder, "again", data: "packs1", ranks: 3,
        ["method.name=\(method)", "prior.kind=sam-med3d", "prior.checkpoint=\(folder)/sam.safetensors"])
      #expect(status == 0 && output.contains("9 from the cache"), "\(output)")
      #expect(try metrics(folder + "/again") == found[0])
    }
  }

  /// As released, SemiSAM+ has a term that its prior cannot move; repaired, every term acts.
  @Test(arguments: ["released", "intent"]) func warnsAboutATermThatDoesNotDependOnThePrior(fidelity: String) throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder + "/packs")
      try Self.writeNetwork(to: folder + "/sam.safetensors")
      let (status, output) = try train(
        folder, "run",
        [
          "method.name=semisam-plus", "method.fidelity=\(fidelity)", "steps=14", "lanes=1", "prior.kind=sam-med3d",
          "prior.checkpoint=\(folder)/sam.safetensors",
        ])
      #expect(status == 0, "\(output)")
      let isNamed = output.contains("warning: THE LOSS TERM")
      #expect(isNamed == (fidelity == "released"), "\(output)")
    }
  }

  @Test(arguments: [
    ["prior.kind=oracle", "prior.noise=0.1"], ["prior.kind=prototype"], ["prior.kind=atlas"],
    ["prior.kind=sam-med3d", "prior.prompt=prototype"], ["prior.kind=sam-med3d", "prior.frame=crop", "patch=[32, 32, 32]"],
  ])
  func everyKindGoesThroughTheLoop(overrides: [String]) throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder + "/packs")
      try Self.writeNetwork(to: folder + "/sam.safetensors")
      let (status, output) = try train(
        folder, "run", ["method.name=relif", "steps=3", "lanes=1", "prior.checkpoint=\(folder)/sam.safetensors"] + overrides)
      #expect(status == 0, "\(output)")
      let steps = try metrics(folder + "/run").filter { $0["kl"] != nil }
      #expect(steps.count == 3 && steps.allSatisfy { $0["kl"]!.isFinite && $0["priorPresent"] != nil })
      if overrides[0].hasSuffix("oracle") {
        #expect(steps.contains { $0["priorPresent"]! > 0 } && steps.allSatisfy { $0["kl"]! > 0 })
        #expect(steps.allSatisfy { $0["priorDice"]! > 0.4 })
      }
    }
  }

  @Test func filesThatHoldNoPriorAreRefused() throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder + "/packs")
      try Self.writeNetwork(to: folder + "/sam.safetensors")
      try Safetensors.write(["a": StoredTensor(shape: [1], values: [1])], to: folder + "/other.safetensors")
      let sam = "prior.checkpoint=\(folder)/sam.safetensors"
      for (overrides, complaint) in [
        (["prior.kind=sam-med3d", "prior.checkpoint=\(folder)/nowhere.pth"], "nowhere.pth"),
        (["prior.kind=sam-med3d", "prior.checkpoint=\(folder)/other.safetensors"], "no weights of SAM-Med3D"),
        (["prior.kind=sam-med3d", "prior.frame=crop", sam], "prior.frame: canonical"),
        (["prior.kind=prototype", "prior.frame=crop", sam], "prior.frame: canonical"),
        (["prior.kind=sam-med"], "prior.kind"),
        (["method.name=prior-only", "prior.kind=none"], "prior.kind"),
      ] {
        let (status, output) = try train(folder, "run", overrides)
        #expect(status == 3 && output.contains(complaint), "\(overrides): \(output)")
        #expect(output.split(separator: "\n").count == 1, "\(output)")
      }
    }
  }
}
