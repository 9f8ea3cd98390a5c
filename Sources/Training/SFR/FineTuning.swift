// Fine-tuning of SAM on stitched labelled volumes (SFR: Li et al., arXiv:2403.11229, section III.B, equations 2 and 5; ShumengLI/SFR): LoRA
// and the decoder learn the classes from canvases on which the slices of a crop lie side by side.
// Axes: D H W voxels of a crop, S pixels along each side of a canvas, C channels, K classes.

import Cluster
import Foundation
import Learning
import MPI
import Methods
import Preparation
import Tensors
import Volumes

public final class FineTuning: Work {
  public static let name = "fine-tune-sam"
  public static let summary = "train LoRA and decoder of SAM on stitched labelled volumes (`sam`, `stitch`, `fineTune`)"

  let setup: SAMSetup
  public let modules: [ModuleUpdate]
  public let warnings: [String]
  private let store: CaseStore
  private let split: DataSplit
  let canvases: CanvasLoader
  private let configuration: RunConfiguration

  public init(_ plan: StagePlan) throws {
    let configuration = plan.configuration
    self.configuration = configuration
    store = try CaseStore(folder: configuration.data, budget: Int(ProcessInfo.processInfo.physicalMemory / 4) / plan.ranksOnHost)
    let index = store.index
    warnings = try dataWarnings(of: index, in: configuration.data)
    setup = try SAMSetup(configuration, index)
    split = try DataSplit(
      index, validation: configuration.validation, choice: configuration.labelledChoice, needsUnlabelled: false,
      data: configuration.data)
    canvases = CanvasLoader(configuration, store: store, labelled: split.labelled, stitching: setup.stitching)
    modules = try configuration.updates(of: [setup.module])
  }

  public var title: String {
    "fine-tuning \(setup.title); \(split.labelled.count) labelled volumes, \(millionParameters.formatted(decimals: 2)) M parameters trained"
  }
  public var samplesPerStep: Int { configuration.lanes * canvases.count }
  public var metadata: [String: String] { setup.metadata }
  public func check(metadata: [String: String]) throws { try setup.check(metadata: metadata) }

  public func prepare(over world: borrowing Communicator, console: Console) throws -> [String: Double] {
    console.print("sam: \(setup.report)")
    return [:]
  }

  public func batch(lane: Int, at step: Step) throws -> LaneBatch {
    let examples = try canvases.examples(lane: lane, at: step)
    return LaneBatch { [self] tape in loss(examples, on: tape) }
  }

  public func rehearsalBatch(at step: Step) throws -> LaneBatch? {
    let side = setup.sam.plan.canvas, channels = store.index.channelNames.count
    let example = CanvasExample(
      image: [Float](repeating: 0, count: side * side * channels), labels: [UInt8](repeating: 0, count: side * side))
    return LaneBatch { [self] tape in loss([CanvasExample](repeating: example, count: canvases.count), on: tape) }
  }

  private func loss(_ examples: [CanvasExample], on tape: Tape) -> LossTerms {
    setup.loss(examples, leavingOutGaps: configuration[SFRKeys.leavesOutGaps], on: tape)
  }

  public func validate(over world: borrowing Communicator) throws -> StageScores {
    try setup.validate(split, store, configuration, over: world)
  }

  /// Writes LoRA and decoder in SAMed's format.
  public func saved(afterSteps steps: Int) throws {
    try AdapterFile.write(
      setup.sam, base: setup.file.weights, title: setup.file.title, to: "\(configuration.output)/sam.safetensors")
  }

  public func takeOver(from earlier: any Work) throws -> String {
    setup.takeOver(from: earlier) ? "goes on with the SAM of the stage before" : "starts with adapters of its own"
  }
}

extension SAMSetup {
  /// The loss of fine-tuning on canvases of a lane; gaps between slices have no class.
  func loss(_ examples: [CanvasExample], leavingOutGaps: Bool, on tape: Tape) -> LossTerms {
    stitchedLoss(
      examples.map { logits(sam.network, tensor(canvas: $0.image), on: tape) }, labels: examples.map(\.labels),
      ignored: leavingOutGaps ? .leftOut : .counted, on: tape)
  }
}

/// ½ (Dice + cross entropy) of several canvases, whose sums run over all of them (ShumengLI/SFR, code/utils/losses.py).
/// - Shape: logits [1, 1, S, S, K] each, S·S labels each, K or more where a pixel has no class.
package func stitchedLoss(_ logits: [Tensor], labels: [[UInt8]], ignored: UnlabelledVoxels, on tape: Tape) -> LossTerms {
  let probabilities = logits.map { tape.softmax($0) }, classes = logits[0].shape.channels
  let dice = tape.diceLoss(
    tape.stacked(probabilities), labels: Array(labels.joined()), epsilon: 1e-10, wholeBatch: true, unlabelled: ignored)
  let counts = labels.map { Double($0.count { $0 < classes }) }, total = max(1, counts.reduce(0, +))
  var terms = [LossTerm("dice", dice, weight: 0.5)]
  for (number, p) in probabilities.enumerated() {
    let loss = tape.crossEntropy(logits[number], probabilities: p, labels: labels[number], unlabelled: ignored)
    terms.append(LossTerm("crossEntropy", loss, weight: 0.5 * counts[number] / total))
  }
  return LossTerms(terms)
}
