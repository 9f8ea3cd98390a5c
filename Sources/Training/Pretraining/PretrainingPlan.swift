// What is pretrained: a small SAM-Med3D on random scenes, the demo prior (shared/spec/relif.md 1.5, 1.8). It learns what a frozen prior is
// asked during training: to turn a student's rough mask, or a click, into a better mask. No scan of a person is used.

import Foundation
import Learning
import Networks
import Weights

/// One pretraining.
public struct PretrainingPlan: Sendable {
  /// The file to write (safetensors, float16).
  public var output: String
  public var steps: Int
  public var seed: UInt64
  /// Scenes in a step, whatever the number of ranks.
  public var lanes: Int
  public var network: SAMMed3DPlan
  /// Prompts to answer for each scene, which is encoded once.
  package var promptsPerScene = 8
  var weightDecay = 0.05
  /// Steps between looks at held-out scenes, and between saves of the file.
  var evaluationInterval = 250, saveInterval = 1000
  /// Scenes that are never trained on.
  package var heldOutScenes = 24

  public init(output: String, steps: Int, seed: UInt64, lanes: Int, network: SAMMed3DPlan = .demo) {
    (self.output, self.steps, self.seed, self.lanes, self.network) = (output, steps, seed, lanes, network)
  }

  /// Linear warm-up to 1e-3, then a cosine to a hundredth of it.
  package func rate(at step: Int) -> Double {
    CosineSchedule(ScheduleSettings(minimum: 1e-5, warmUp: max(1, min(200, steps / 10))))
      .learningRate(at: step, of: steps, base: 1e-3)
  }

  /// The command that makes the same file again.
  var command: String { "cohort prior pretrain --output \(URL(fileURLWithPath: output).lastPathComponent) \(choices)" }
  private var choices: String { "--steps \(steps) --seed \(seed) --lanes \(lanes)" }
}

extension SAMMed3DPlan {
  /// SAM-Med3D for 32x32x32 voxels: 3 million parameters in place of 100 million. A patch of 4 voxels makes the cells of masks as fine as
  /// the image, and 64 channels carry the 64 cells of a token: structures of a few voxels pass unharmed.
  public static let demo = SAMMed3DPlan(
    imageSize: 32, patchSize: 4, embedding: 192, depth: 4, heads: 6, globalBlocks: Set(0..<4), window: 8, promptDimension: 96,
    maskPromptChannels: 64)
}

/// What a prior's file says of itself, as texts beside the weights.
public struct PriorDescription: Sendable, Equatable {
  /// "demo prior": never the name of a network that it was not.
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

  /// Of a file of weights; nil where it does not describe itself, as the released SAM-Med3D does not.
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
    self.init(title: "demo prior", spacing: 2, command: plan.command, seed: plan.seed, steps: steps)
  }
}
