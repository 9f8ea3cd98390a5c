// Pretraining on random scenes: the loss falls, the rates are those of the plan, the file says what it is and does not depend on the ranks;
// and the demo prior that comes with the package improves the masks that it is asked with.

import Cluster
import Foundation
import MPI
import Networks
import TestSupport
import Testing
import Training
import Weights

@Suite(.serialized) struct PretrainingTests {
  private func tinyPlan(_ folder: String, steps: Int) -> PretrainingPlan {
    var plan = PretrainingPlan(
      output: folder + "/prior.safetensors", steps: steps, seed: 3, lanes: 1,
      network: SAMMed3DPlan(
        imageSize: 32, patchSize: 8, embedding: 32, depth: 1, heads: 1, globalBlocks: [0], window: 4, promptDimension: 48))
    plan.heldOutScenes = 2
    plan.promptsPerScene = 3
    return plan
  }

  @Test func theLossFalls() throws {
    try withTemporaryFolder { folder in
      let run = Pretraining(tinyPlan(folder, steps: 20))
      let losses = try (0..<20).map { try run.take(step: $0, lanes: 0..<1, over: Communicator.alone) }
      let first = losses.prefix(5).reduce(0, +), last = losses.suffix(5).reduce(0, +)
      // 0.88 was measured; what differs from scene to scene is a hundredth as long as nearly every cell is background.
      #expect(last < 0.95 * first, "\(losses)")
    }
  }

  @Test func theRateWarmsUpAndFalls() {
    let plan = PretrainingPlan(output: "", steps: 1000, seed: 1, lanes: 1)
    #expect(abs(plan.rate(at: 0) - 1e-5) < 1e-12 && abs(plan.rate(at: 99) - 1e-3) < 1e-12)
    #expect(abs(plan.rate(at: 550) - 0.505e-3) < 1e-9 && plan.rate(at: 999) < 1.1e-5)
  }

  @Test func theFileSaysWhatItIsAndGivesTheNetworkBack() throws {
    try withTemporaryFolder { folder in
      let plan = tinyPlan(folder, steps: 2)
      let quality = try pretrain(plan, over: Communicator.alone, console: Console(rank: 1))
      let description = try #require(try PriorDescription(of: plan.output))
      #expect(description.title == "demo prior" && description.spacing == 2 && description.seed == 3 && description.steps == 2)
      #expect(description.command == "cohort prior pretrain --output prior.safetensors --steps 2 --seed 3 --lanes 1")
      let again = try PromptQuality(network(plan.output), scenes: 2, seed: 3, over: Communicator.alone)
      #expect(abs(again.priorDice - quality.priorDice) < 0.02 && again.promptDice == quality.promptDice, "rounded to float16")
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
      #expect(lanes == 3 && complaint.contains("lanes is 0"))
    }
  }

  @Test func theFileDoesNotDependOnTheRanks() throws {
    try withTemporaryFolder { folder in
      let arguments = ["prior", "pretrain", "--steps", "2", "--lanes", "2", "--seed", "9", "--output"]
      let one = try runAlone(arguments + [folder + "/p.safetensors"], timeout: 120, executable: "cohort")
      try #require(one.status == 0, "\(one.output)")
      let alone = try Data(contentsOf: URL(fileURLWithPath: folder + "/p.safetensors"))
      let two = try mpirun(2, arguments + [folder + "/p.safetensors"], timeout: 120, executable: "cohort")
      try #require(two.status == 0 && two.output.contains("prior Dice"), "\(two.output)")
      let isSame = try Data(contentsOf: URL(fileURLWithPath: folder + "/p.safetensors")) == alone
      #expect(isSame && alone.count < 8_000_000)
    }
  }

  /// A prior that worsens what it is asked with has nothing to teach.
  @Test func theDemoPriorImprovesPromptsInScenesItHasNotSeen() throws {
    let size = try #require(try FileManager.default.attributesOfItem(atPath: demoPriorPath())[.size] as? Int)
    #expect(size < 8_000_000)
    let description = try #require(try PriorDescription(of: demoPriorPath()))
    #expect(description.title == "demo prior" && description.command.hasPrefix("cohort prior pretrain"))
    let quality = try PromptQuality(network(demoPriorPath()), scenes: 32, seed: 4711, over: Communicator.alone)
    #expect(quality.priorDice > quality.promptDice, "\(quality)")
  }

  private func network(_ path: String) throws -> SAMMed3D {
    let file = try WeightFile(path)
    let shapes = Dictionary(uniqueKeysWithValues: file.entries.map { ($0.name, $0.shape) })
    let plan = try SAMMed3DPlan(shapes: shapes)
    return SAMMed3D(plan, parameters: try file.frozenParameters(SAMMed3D.specification(plan)).parameters)
  }
}
