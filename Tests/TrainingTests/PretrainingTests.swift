// Pretraining on random scenes: the loss falls, the rates are those of the plan, the file describes itself and does not depend on
// the ranks; and the demo prior that comes with the package improves the masks that it is asked with.

import Cluster
import Foundation
import MPI
import Networks
import TestSupport
import Testing
import Training
import Weights

@Suite(.serialized) struct PretrainingTests {
  private let tinyNetwork = SAMMed3DPlan(
    imageSize: 32, patchSize: 8, embedding: 32, depth: 1, heads: 1, globalBlocks: [0], window: 4, promptDimension: 48)

  private func tinyPlan(_ folder: String, steps: Int) -> PretrainingPlan {
    var plan = PretrainingPlan(output: folder + "/prior.safetensors", steps: steps, seed: 3, lanes: 1)
    plan.heldOutScenes = 2
    plan.promptsPerScene = 3
    return plan
  }

  /// The run of a plan whose network is smaller than the demo prior's.
  private func run(_ plan: PretrainingPlan, _ folder: String, overrides: [String] = []) throws -> Run {
    let configuration = try RunConfiguration(yaml: plan.runFile(folder: folder + "/run"), source: "test", overrides: overrides)
    try FileManager.default.createDirectory(atPath: folder + "/run", withIntermediateDirectories: true)
    return try Run(configuration, rank: 0, ranks: 1) { try Pretraining(plan, tinyNetwork, $0.configuration) }
  }

  @Test func theLossFalls() throws {
    try withTemporaryFolder { folder in
      let run = try run(tinyPlan(folder, steps: 20), folder), log = try MetricsLog(run.configuration, stepsDone: 0)
      _ = try train(run, over: .alone, console: Console(rank: 1), log: log)
      let lines = try String(contentsOfFile: folder + "/run/metrics.jsonl", encoding: .utf8).split(separator: "\n")
      let losses = lines.compactMap { line in
        (try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])?["loss"] as? Double
      }
      try #require(losses.count == 20)
      let first = losses.prefix(5).reduce(0, +), last = losses.suffix(5).reduce(0, +)
      // 0.88 was measured; what differs from scene to scene is a hundredth as long as nearly every cell is background.
      #expect(last < 0.95 * first, "\(losses)")
    }
  }

  @Test func theFileDescribesItselfAndRestoresTheNetwork() throws {
    try withTemporaryFolder { folder in
      let plan = tinyPlan(folder, steps: 2)
      let scores = try #require(try run(plan, folder).trained().scores)
      let description = try #require(try PriorDescription(of: plan.output))
      #expect(description.title == "demo prior" && description.spacing == 2 && description.seed == 3 && description.steps == 2)
      #expect(description.command == "cohort prior pretrain --output prior.safetensors --steps 2 --seed 3 --lanes 1")
      let again = try PromptQuality(network(plan.output), scenes: 2, seed: 3, over: Communicator.alone)
      #expect(abs(again.priorDice - scores.mean) < 0.02 && again.promptDice == scores.numbers["promptDice"], "rounded to float16")
    }
  }

  /// Weights, both running means and the counts of AdamW come back from a checkpoint.
  @Test func anInterruptedPretrainingEndsInTheSameBytes() throws {
    try withTemporaryFolder { folder in
      let plan = tinyPlan(folder, steps: 4), whole = try run(plan, folder + "/whole", overrides: ["checkpoint.every=0"])
      try whole.trained()
      try run(plan, folder + "/part", overrides: ["checkpoint.every=2"]).trained()
      try FileManager.default.removeItem(atPath: folder + "/part/run/checkpoints/step-00000004")
      let continued = try run(plan, folder + "/part", overrides: ["checkpoint.every=0"])
      try continued.trained()
      #expect(continued.stepsDone == 4)
      for (one, other) in zip(whole.stage.work.modules, continued.stage.work.modules) {
        for (a, b) in zip(one.state, other.state) { #expect(a.tensor.values == b.tensor.values, "\(a.name)") }
      }
    }
  }

  @Test func aFileOfOtherWeightsDescribesNothing() throws {
    try withTemporaryFolder { folder in
      try Safetensors.write(["a": StoredTensor(shape: [1], values: [1])], to: folder + "/a.safetensors")
      #expect(try PriorDescription(of: folder + "/a.safetensors") == nil)
    }
  }

  @Test func impossiblePlansAreRefused() throws {
    try withTemporaryFolder { folder in
      let (status, output) = try runAlone(
        ["prior", "pretrain", "--output", folder + "/none/p.safetensors", "--steps", "1"], executable: "cohort")
      #expect(status == 79 && output.contains("make the folder"))
      let (lanes, complaint) = try runAlone(
        ["prior", "pretrain", "--output", folder + "/p.safetensors", "--steps", "1", "--lanes", "0"], executable: "cohort")
      #expect(lanes == 3 && complaint.contains("lanes is \"0\""))
    }
  }

  @Test func theFileDoesNotDependOnTheRanks() throws {
    try withTemporaryFolder { folder in
      let arguments = ["prior", "pretrain", "--steps", "2", "--lanes", "2", "--seed", "9", "--output"]
      let one = try runAlone(arguments + [folder + "/p.safetensors"], timeout: 120, executable: "cohort")
      try #require(one.status == 0, "\(one.output)")
      let alone = try Data(contentsOf: URL(fileURLWithPath: folder + "/p.safetensors"))
      let two = try mpirun(
        2, arguments + [folder + "/p.safetensors", "--run-folder", folder + "/two"], timeout: 120, executable: "cohort")
      try #require(two.status == 0 && two.output.contains("prior Dice"), "\(two.output)")
      let isSame = try Data(contentsOf: URL(fileURLWithPath: folder + "/p.safetensors")) == alone
      #expect(isSame && alone.count < 8_000_000)
    }
  }

  /// A prior that worsens what it is asked with has nothing to teach.
  @Test func theDemoPriorImprovesPromptsInScenesItHasNotSeen() throws {
    #expect(EmbeddedWeights.demoPrior.bytes.count < 8_000_000)
    let description = try #require(try PriorDescription(of: EmbeddedWeights.demoPrior.rawValue))
    #expect(description.title == "demo prior" && description.command.hasPrefix("cohort prior pretrain"))
    let quality = try PromptQuality(network(EmbeddedWeights.demoPrior.rawValue), scenes: 32, seed: 4711, over: Communicator.alone)
    #expect(quality.priorDice > quality.promptDice, "\(quality)")
  }

  private func network(_ path: String) throws -> SAMMed3D {
    let file = try WeightFile(path)
    let shapes = Dictionary(uniqueKeysWithValues: file.entries.map { ($0.name, $0.shape) })
    let plan = try SAMMed3DPlan(shapes: shapes)
    return SAMMed3D(plan, parameters: try file.frozenParameters(SAMMed3D.specification(plan)).parameters)
  }
}
