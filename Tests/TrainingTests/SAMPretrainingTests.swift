// Pretraining of a SAM on stitched scenes: what a scene and a prompt are, the file, its independence of ranks, resuming; and the demo SAM
// that comes with the package.

import Cluster
import Foundation
import MPI
import Networks
import Preparation
import Tensors
import TestSupport
import Testing
import Training
import Weights

@Suite(.serialized) struct SAMPretrainingTests {
  private let tinyNetwork = SAMPlan(
    canvas: 64, patchSize: 8, embedding: 16, depth: 2, heads: 2, globalBlocks: [1], window: 4, promptDimension: 16, masks: 2,
    decoderHidden: 16, maskPromptChannels: 16)

  private func tinyPlan(_ folder: String, steps: Int, lanes: Int = 1) -> PretrainingPlan {
    var plan = PretrainingPlan(output: folder + "/sam.safetensors", steps: steps, seed: 3, lanes: lanes, architecture: .sam)
    plan.heldOutScenes = 2
    plan.promptsPerScene = 3
    return plan
  }

  private func run(_ plan: PretrainingPlan, _ folder: String, overrides: [String] = []) throws -> Run {
    let configuration = try RunConfiguration(yaml: plan.runFile(folder: folder + "/run"), source: "test", overrides: overrides)
    try FileManager.default.createDirectory(atPath: folder + "/run", withIntermediateDirectories: true)
    return try Run(configuration, rank: 0, ranks: 1) { try SAMPretraining(plan, tinyNetwork, $0.configuration) }
  }

  // MARK: Scenes and prompts

  @Test func aCanvasIsAFunctionOfItsKeyAndShowsItsStructures() throws {
    for number in 0..<6 {
      let key = RandomKey(UInt64(number)), scene = try StitchedScene(key, canvas: 128)
      let again = try StitchedScene(key, canvas: 128)
      #expect(scene.image == again.image && scene.labels == again.labels)
      #expect(scene.image.count == 128 * 128 && scene.image.allSatisfy(\.isFinite) && !scene.structures.isEmpty)
      for structure in scene.structures {
        #expect(scene.labels.count { $0 == structure } >= StitchedScene.leastPixels)
      }
      // Labels lie where their voxels do: the mask of a structure, stitched as the image is, is where its label is.
      let structure = scene.structures[0], mask = scene.canvas(of: scene.scene.mask(of: structure).map(Float.init))
      #expect(zip(mask, scene.labels).allSatisfy { ($0 == 1) == ($1 == structure) })
    }
  }

  @Test func clicksLieOnWhatTheySay() throws {
    var kinds: Set<Bool> = [], masks = 0
    for number in 0..<4 {
      let key = RandomKey(UInt64(100 + number)), scene = try StitchedScene(key, canvas: 128)
      for prompt in 0..<12 {
        let question = CanvasPrompt(scene, cells: 64, key.child(UInt64(prompt)))
        let asksForAll = question.mask == nil && question.points.isEmpty
        #expect(asksForAll || question.mask != nil || question.points.contains(where: \.isPositive))
        if asksForAll { #expect(zip(question.target, scene.labels).allSatisfy { ($0 == 1) == scene.structures.contains($1) }) }
        // Cross entropy sees all that is asked for, and of the rest a share.
        #expect(zip(question.balancedTarget, question.target).allSatisfy { $0 == $1 || $0 == Stitching.ignored && $1 == 0 })
        for point in question.points {
          #expect(question.target[Int(point.row) * 128 + Int(point.column)] == (point.isPositive ? 1 : 0))
          kinds.insert(point.isPositive)
        }
        guard let mask = question.mask else { continue }
        masks += 1
        #expect(mask.shape == [1, 1, 64, 64, 1])
        let agrees = (0..<64 * 64).count { cell in
          let pixel = cell / 64 * 2 * 128 + cell % 64 * 2
          return (mask.values[cell] > 0) == (question.target[pixel] == 1)
        }
        #expect(agrees > 64 * 64 * 8 / 10, "a wrong mask is mostly right")
      }
    }
    #expect(kinds == [true, false] && masks > 0)
  }

  @Test func fewerClicksAreTheFirstOfMore() throws {
    let key = RandomKey(7), scene = try StitchedScene(key, canvas: 128)
    let one = CanvasPrompt(scene, clicks: 1, key.child(1)), three = CanvasPrompt(scene, clicks: 3, key.child(1))
    #expect(one.target == three.target && one.points.count == 1 && three.points.count == 3 && one.points[0] == three.points[0])
  }

  // MARK: Runs

  @Test func theFileDescribesItselfAndLoadsForOtherClasses() throws {
    try withTemporaryFolder { folder in
      let plan = tinyPlan(folder, steps: 2)
      let scores = try #require(try run(plan, folder).trained().scores)
      let description = try #require(try PriorDescription(of: plan.output))
      #expect(description.title == "demo SAM" && description.seed == 3 && description.steps == 2)
      #expect(
        description.command == "cohort prior pretrain --output sam.safetensors --steps 2 --seed 3 --lanes 1 --architecture sam")
      let file = try SAMFile(checkpoint: plan.output)
      #expect(file.plan == tinyNetwork && file.title == "demo SAM")
      let stored = try WeightFile(plan.output).frozenParameters(SAM.specification(tinyNetwork)).parameters
      let again = try ClickQuality(SAM(tinyNetwork, parameters: stored), scenes: 2, seed: 3, over: Communicator.alone)
      #expect(abs(again.mean - scores.mean) < 0.02, "rounded to float16")
      try expectClasses(3, of: file)
    }
  }

  /// A SAM for K classes, adapted from a file with two masks, answers on a canvas.
  private func expectClasses(_ classes: Int, of file: SAMFile) throws {
    var plan = file.plan
    plan.masks = classes
    let sam = AdaptedSAM(plan, frozen: try file.frozenParameters(plan).parameters, rank: 2, seed: 1)
    try file.loadDecoder(into: sam, reusesMasks: true)
    let tape = Tape(recording: false), side = plan.canvas
    let image = Tensor((0..<side * side).map { Float($0 % 17) / 8 - 1 }, shape: [1, 1, side, side, 1])
    let logits = sam.network.logits(embedding: sam.network.embedding(image, on: tape), on: tape)
    #expect(logits.shape == [1, 1, plan.lowResolution, plan.lowResolution, classes] && logits.values.allSatisfy(\.isFinite))
  }

  /// Weights, both running means and the counts of AdamW come back from a checkpoint.
  @Test func anInterruptedPretrainingEndsInTheSameBytes() throws {
    try withTemporaryFolder { folder in
      let plan = tinyPlan(folder, steps: 4, lanes: 2), whole = try run(plan, folder + "/whole", overrides: ["checkpoint.every=0"])
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

  /// The matrix of the positional code has no gradient: it must stay, since the network remembers the codes of its tokens.
  @Test func trainingMovesAllButThePositionalCodeAndWhatNothingAsksFor() throws {
    try withTemporaryFolder { folder in
      let plan = tinyPlan(folder, steps: 8), run = try run(plan, folder, overrides: ["optimizer.weightDecay=0"])
      let work = try #require(run.stage.work as? SAMPretraining), before = work.parameters.stateDict
      try run.trained()
      let unmoved = work.parameters.stateDict.filter { before[$0.key]?.values == $0.value.values }.map(\.key)
      let expected = before.keys.filter {
        $0.hasPrefix("mask_decoder.iou_prediction_head.") || $0.hasSuffix("gaussian_matrix")
          || ["prompt_encoder.point_embeddings.2.weight", "prompt_encoder.point_embeddings.3.weight"].contains($0)
      }
      #expect(Set(unmoved) == Set(expected))
    }
  }

  @Test func theFileDoesNotDependOnTheRanksAndABadOutputIsRefused() throws {
    try withTemporaryFolder { folder in
      let arguments = [
        "prior", "pretrain", "--architecture", "sam", "--steps", "1", "--lanes", "2", "--seed", "9", "--threads", "1",
      ]
      let output = ["--output", folder + "/s.safetensors"]
      let one = try runAlone(arguments + output, timeout: 240, executable: "cohort")
      try #require(one.status == 0, "\(one.output)")
      let alone = try Data(contentsOf: URL(fileURLWithPath: folder + "/s.safetensors"))
      let two = try mpirun(2, arguments + output + ["--run-folder", folder + "/two"], timeout: 240, executable: "cohort")
      try #require(two.status == 0 && two.output.contains("Dice of 1 click"), "\(two.output)")
      let isSame = try Data(contentsOf: URL(fileURLWithPath: folder + "/s.safetensors")) == alone
      #expect(isSame && alone.count < 8_000_000)
      // What another command made is not replaced.
      let (status, complaint) = try runAlone(
        ["prior", "pretrain", "--steps", "1", "--lanes", "2", "--seed", "9"] + output, executable: "cohort")
      #expect(status != 0 && complaint.contains("s.safetensors"), "\(complaint)")
      let (missing, sentence) = try runAlone(arguments + ["--output", folder + "/none/s.safetensors"], executable: "cohort")
      #expect(missing == 79 && sentence.contains("make the folder"))
    }
  }

  // MARK: The demo SAM

  @Test func theDemoSAMIsSmallAndLoadsForOtherClasses() throws {
    #expect(EmbeddedWeights.demoSAM.bytes.count <= 8_000_000)
    let description = try #require(try PriorDescription(of: EmbeddedWeights.demoSAM.rawValue))
    #expect(description.title == "demo SAM" && description.command.hasPrefix("cohort prior pretrain"))
    let file = try SAMFile(checkpoint: "demo")
    #expect(file.plan == .demo && file.title == "demo SAM")
    try expectClasses(3, of: file)
  }
}
