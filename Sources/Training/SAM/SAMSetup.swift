// SAM as the stages of SFR use it: the network with its adapters, and how crops become canvases and canvases crops again.
// Axes: D H W voxels of a crop, S pixels along each side of the canvas, C channels of the data, K classes.

import Cluster
import Foundation
import Learning
import Methods
import Networks
import Preparation
import Tensors
import Volumes

final class SAMSetup {
  /// The name of the trained module, and of what later stages carry.
  static let moduleName = "sam"

  let file: SAMFile
  let sam: AdaptedSAM
  let stitching: Stitching
  let patch: Extent
  /// K.
  let classes: Int
  /// What was loaded, for the console.
  let report: String
  private let channels: Int
  /// Whether the decoder has learnt the classes: from adapters, from a file for them, or in an earlier stage.
  private var knowsClasses: Bool

  /// - Parameter index: of the data whose classes and channels it has.
  init(_ configuration: RunConfiguration, _ index: PackIndex) throws {
    try index.requireNoIgnored("SAM", in: configuration.data, or: "pseudoLabels.kind: none without stages of SAM")
    (classes, channels, patch) = (index.classNames.count, index.channelNames.count, configuration.stitchedPatch)
    file = try SAMFile(checkpoint: configuration[SFRKeys.checkpoint])
    let canvas = configuration[SFRKeys.canvas]
    var plan: SAMPlan
    do { plan = try file.plan.resized(canvas: canvas > 0 ? canvas : file.plan.canvas) } catch {
      throw TrainingError("sam.canvas: \(error)")
    }
    plan.masks = classes
    do {
      stitching = try Stitching(
        crop: patch, canvas: plan.canvas, geometry: configuration[SFRKeys.geometry],
        tiles: configuration[SFRKeys.tiles])
    } catch { throw TrainingError("\(configuration.stitchedPatchKey): \(error)") }
    let (frozen, loaded) = try file.frozenParameters(plan)
    sam = AdaptedSAM(plan, frozen: frozen, rank: configuration[SFRKeys.rank], seed: configuration.seed)
    try file.loadDecoder(into: sam, reusesMasks: configuration[SFRKeys.reusesMasks])
    let adapters = configuration[SFRKeys.adapters]
    knowsClasses = adapters != "none" || file.plan.masks == classes
    report = adapters == "none" ? loaded.description : try AdapterFile.load(adapters, into: sam, base: file.weights)
  }

  var module: TrainedModule { TrainedModule(Self.moduleName, sam.trained) }
  /// The adapters for stages that carry them without training them.
  var carried: CarriedVector { CarriedVector(Self.moduleName, sam.trained.values) }

  var title: String {
    "\(file.title) with LoRA of rank \(sam.trained["w_a_000"].shape[0]); \(patch.depth) slices on a canvas of \(sam.plan.canvas)"
  }

  // MARK: In checkpoints

  private static let key = "sam"

  /// A checkpoint holds what is trained; the frozen weights are known by their fingerprint.
  var metadata: [String: String] { [Self.key: String(file.weights, radix: 16)] }

  /// Compares with the SAM of a checkpoint, which holds what an earlier attempt has learnt.
  func check(metadata: [String: String]) throws(TrainingError) {
    guard let saved = metadata[Self.key] else { return }
    knowsClasses = true
    guard saved != String(file.weights, radix: 16) else { return }
    throw TrainingError(
      "the run was trained on another SAM (\(saved)) than \(file.path) (\(String(file.weights, radix: 16))): name the former in sam.checkpoint."
    )
  }

  // MARK: Canvases

  /// SAM has three channels: one of the data stands for all of them, several follow each other.
  private var canvasChannels: Int { channels == 1 ? 1 : 3 }

  /// - Shape: canvas [S, S, C]; result [1, 1, S, S, 1] or [1, 1, S, S, 3].
  func tensor(canvas: [Float]) -> Tensor {
    let side = sam.plan.canvas, shape: Shape = [1, 1, side, side, canvasChannels]
    guard channels > 1 else { return Tensor(canvas, shape: shape) }
    return Tensor((0..<side * side * 3).map { canvas[$0 / 3 * channels + $0 % 3 % channels] }, shape: shape)
  }

  /// Logits at the canvas's own resolution.
  /// - Shape: image [1, 1, S, S, 1 or 3]; result [1, 1, S, S, K].
  func logits(_ network: SAM, _ image: Tensor, on tape: Tape) -> Tensor {
    tape.upsampledPlane(network.logits(embedding: network.embedding(image, on: tape), on: tape), by: sam.plan.upsampling)
  }

  /// Refuses to label with a decoder that has not learnt the classes.
  func requireClasses(for use: String) throws(TrainingError) {
    guard knowsClasses else {
      throw TrainingError(
        "\(use) needs a SAM that knows the classes: put a stage with work: fine-tune-sam before it, or name a file in sam.adapters."
      )
    }
  }

  /// Takes up the adapters that the stage before trained or carried.
  /// - Returns: whether it had any of this size.
  func takeOver(from earlier: any Work) -> Bool {
    let trained = earlier.modules.first { $0.module.name == Self.moduleName }?.module.parameters.values
    let source = trained ?? earlier.carried.first { $0.name == Self.moduleName }?.values
    guard let source, source.count == sam.trained.values.count else { return false }
    sam.trained.values.pointer.update(from: source.pointer, count: source.count)
    knowsClasses = true
    return true
  }
}

/// Labels crops and volumes by a SAM whose adapters are merged as they are now.
struct SAMLabeller {
  private let setup: SAMSetup
  private let network: SAM

  init(_ setup: SAMSetup) { (self.setup, network) = (setup, setup.sam.merged()) }

  /// Class probabilities [D, H, W, K] of a crop [D, H, W, C].
  func probabilities(crop: [Float]) -> [Float] {
    let channels = crop.count / setup.patch.count, tape = Tape(recording: false)
    let image = setup.tensor(canvas: setup.stitching.canvas(image: crop, channels: channels))
    return setup.stitching.volume(tape.softmax(setup.logits(network, image, on: tape)).values, classes: setup.classes)
  }

  /// The likeliest class of each voxel of a crop, [D, H, W].
  func labels(crop: [Float]) -> [UInt8] { argmaxLabels(probabilities(crop: crop), classes: setup.classes) }

  /// Class probabilities [D, H, W, K] of a whole volume, averaged over windows of the patch's size.
  func probabilities(volume: PackedCase, overlap: Double, weighting: WindowWeighting) -> [Float] {
    let source = setup.stitching.source(volume)
    let cover = SlidingWindow(volume: source.extent, patch: setup.patch, step: .relative(1 - overlap), weighting: weighting)
    let found = cover.predict(image: source.image, channels: source.channels, classes: setup.classes) { crop in
      Flight.tick()
      return probabilities(crop: crop)
    }
    return setup.stitching.restored(found, classes: setup.classes, to: volume)
  }
}
