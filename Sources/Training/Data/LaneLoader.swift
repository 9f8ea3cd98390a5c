// A lane's batch at a step: which cases, which crops, which views. Everything is a function of (seed, lane, step), so the rank that
// computes a lane, and how often a run was interrupted, do not matter.

import Methods
import Preparation
import Tensors
import Volumes

/// Draws the batches of lanes.
public final class LaneLoader {
  private let store: CaseStore
  private let sampler: PatchSampler
  private let recipe: BatchRecipe
  private let labelled: [String]
  /// The unlabelled cases of each lane.
  private let shards: [[String]]
  private let lanes: Int
  private let seed: UInt64

  public init(
    store: CaseStore, sampler: PatchSampler, recipe: BatchRecipe, labelled: [String], shards: [[String]], seed: UInt64
  ) {
    self.store = store
    self.sampler = sampler
    self.recipe = recipe
    self.labelled = labelled
    self.shards = shards
    self.lanes = shards.count
    self.seed = seed
  }

  public func batch(lane: Int, at step: Step) throws(VolumeError) -> Batch {
    let draw = UInt64(step.index * lanes + lane)
    var labelledSamples: [Sample] = [], unlabelledSamples: [Sample] = []
    if !recipe.labelled.isEmpty {
      let identifier = pick(labelled, position: step.index * lanes + lane, stream: "labelled")
      labelledSamples.append(try sample(identifier, recipe.labelled, isLabelled: true, draw: draw, at: step))
    }
    if !recipe.unlabelled.isEmpty {
      let identifier = pick(shards[lane], position: step.index, stream: "unlabelled lane \(lane)")
      unlabelledSamples.append(try sample(identifier, recipe.unlabelled, isLabelled: false, draw: draw, at: step))
    }
    return Batch(labelled: labelledSamples, unlabelled: unlabelledSamples)
  }

  /// Element `position` of an endless sequence of epochs, each a fresh permutation of `identifiers`.
  private func pick(_ identifiers: [String], position: Int, stream: String) -> String {
    let epoch = position / identifiers.count
    let key = RandomKey(seed: seed, volume: stream, draw: UInt64(epoch), stream: RandomStream.dataOrder)
    var order = identifiers
    for i in stride(from: order.count - 1, to: 0, by: -1) { order.swapAt(i, key.integer(UInt64(i), below: i + 1)) }
    return order[position % identifiers.count]
  }

  /// - Parameter isLabelled: if not, neither the label nor crop positions derived from it may be used, even where the data have
  /// one.
  private func sample(
    _ identifier: String, _ views: ViewRequest, isLabelled: Bool, draw: UInt64, at step: Step
  ) throws(VolumeError) -> Sample {
    var volume = try store.volume(identifier)
    if !isLabelled { volume.label = nil }
    let patch = sampler.sample(volume, draw: draw)
    let shape = Shape([1, patch.extent.depth, patch.extent.height, patch.extent.width, volume.channels])
    var biased: Tensor?
    if views.contains(.biased), let field = recipe.field {
      let view = field.apply(
        to: patch.image, extent: patch.extent, channels: volume.channels, seed: seed, volume: identifier, draw: draw,
        step: step.index,
        total: step.total)
      biased = Tensor(view.image, shape: shape)
    }
    return Sample(
      identifier: identifier, draw: draw, clean: views.contains(.clean) ? Tensor(patch.image, shape: shape) : nil, biased: biased,
      label: patch.label, place: patch.place)
  }
}
