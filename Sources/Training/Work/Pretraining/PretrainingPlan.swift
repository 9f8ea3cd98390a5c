// A pretraining on random scenes, its run file and what its file says about itself. The demo prior (rounds as in uni-medical/SAM-Med3D,
// train.py) learns what a frozen prior is asked during training: to turn a student's rough mask, or a click, into a better mask; the demo
// SAM learns to find structures on canvases of slices. No scan of a person is used.

import Files
import Foundation
import MPI
import Settings
import Tensors
import Weights

/// One pretraining.
public struct PretrainingPlan: Sendable {
  /// The file to write (safetensors, float16).
  public var output: String
  public var steps: Int
  public var seed: UInt64
  /// Scenes in a step, whatever the number of ranks.
  public var lanes: Int
  public var architecture: PretrainedArchitecture
  /// Prompts to answer for each scene, which is encoded once.
  package var promptsPerScene = 8
  /// Scenes that are never trained on.
  package var heldOutScenes = 24

  public init(output: String, steps: Int, seed: UInt64, lanes: Int, architecture: PretrainedArchitecture = .samMed3D) {
    (self.output, self.steps, self.seed, self.lanes, self.architecture) = (output, steps, seed, lanes, architecture)
  }

  /// The pretraining of a stage; rank 0 looks at the output.
  init(_ stage: StagePlan, _ architecture: PretrainedArchitecture) throws {
    let configuration = stage.configuration, file = configuration.pretrainingOutput
    self.init(
      output: file.isEmpty ? configuration.output + "/prior.safetensors" : file, steps: configuration.steps,
      seed: configuration.seed, lanes: configuration.lanes, architecture: architecture)
    if stage.rank == 0 { try checkOutput() }
  }

  /// The key of all random numbers of a lane in a step.
  func sceneKey(lane: Int, step: Int) -> RandomKey {
    RandomKey(seed: seed, volume: "scene of lane \(lane)", draw: UInt64(step), stream: RandomStream.pretraining)
  }

  /// The run file of the command: AdamW, a linear warm-up to 1e-3, then a cosine to a hundredth of it.
  package func runFile(folder: String, threads: Int = 0, deadline: Int = 60) -> String {
    """
    work: \(architecture.work.name)
    output: \(quotedYAML(folder))
    pretraining: {output: \(quotedYAML(output))}
    steps: \(steps)
    seed: \(seed)
    lanes: \(lanes)
    optimizer: {name: adamw, learningRate: 0.001, weightDecay: 0.05}
    schedule: {name: cosine, warmUp: \(max(1, min(200, steps / 10))), minimum: 0.00001}
    validation: {every: 250}
    checkpoint: {every: 1000}
    threads: \(threads)
    watch: {deadline: \(deadline)}

    """
  }

  /// The command that makes the same file again.
  var command: String { "cohort prior pretrain --output \(URL(fileURLWithPath: output).lastPathComponent) \(choices)" }
  private var choices: String {
    "--steps \(steps) --seed \(seed) --lanes \(lanes)"
      + (architecture == .samMed3D ? "" : " --architecture \(architecture.rawValue)")
  }

  /// Before minutes are spent: the folder must be there and writable, and a file that is there must be this prior's.
  func checkOutput() throws {
    try checkEnding(of: output, ".safetensors", format: "safetensors")
    try checkOutputs([output], reading: []) { (try? PriorDescription(of: $0))?.command == command }
    let folder = URL(fileURLWithPath: output).deletingLastPathComponent().path
    guard FileManager.default.isWritableFile(atPath: folder) else {
      throw TrainingError("cannot write \(output): make the folder \(folder), or choose another.", exitCode: 79)
    }
  }
}

/// Runs `cohort prior pretrain` on all ranks of `world` and returns the exit code: a run like any other, which continues in its folder.
/// - Parameter folder: the run folder; nil for one beside the file.
public func launchPretraining(
  _ plan: PretrainingPlan, folder: String?, threads: Int, deadline: Int, budget: TimeBudget, over world: borrowing Communicator
) throws -> Int32 {
  try launchTraining(budget: budget, over: world) { world in
    if world.rank == 0 { try plan.checkOutput() }
    return try RunConfiguration(
      yaml: plan.runFile(folder: folder ?? plan.output + ".run", threads: threads, deadline: deadline), source: "prior pretrain")
  }
}

/// The description in a prior's file, as texts beside the weights.
public struct PriorDescription: Sendable, Equatable {
  /// "demo prior" or "demo SAM": never the name of a network that it was not.
  public var title: String
  /// Millimetres between the voxels of the images it was trained on.
  public var spacing: Double
  /// The command that made it.
  public var command: String
  public var seed: UInt64
  public var steps: Int

  public init(title: String, spacing: Double, command: String, seed: UInt64, steps: Int) {
    (self.title, self.spacing, self.command, self.seed, self.steps) = (title, spacing, command, seed, steps)
  }

  /// Reads the plan of a file of weights; nil where it does not describe itself, as the released SAM-Med3D does not.
  public init?(of path: String) throws(WeightError) {
    guard try WeightFile(path).format == .safetensors else { return nil }
    let texts = try Safetensors.metadata(path)
    guard let title = texts["title"], let spacing = texts["spacing"].flatMap(Double.init), spacing > 0, spacing.isFinite else {
      return nil
    }
    self.init(
      title: title, spacing: spacing, command: texts["command"] ?? "", seed: texts["seed"].flatMap(UInt64.init) ?? 0,
      steps: texts["steps"].flatMap(Int.init) ?? 0)
  }

  var metadata: [String: String] {
    ["title": title, "spacing": "\(spacing)", "command": command, "seed": "\(seed)", "steps": "\(steps)"]
  }
}

extension PriorDescription {
  /// Structures of 5 to 20 voxels at 2 mm are of the size of a brain's nuclei, and 32 voxels see 64 mm.
  init(_ plan: PretrainingPlan, steps: Int) {
    self.init(title: plan.architecture.title, spacing: 2, command: plan.command, seed: plan.seed, steps: steps)
  }
}
