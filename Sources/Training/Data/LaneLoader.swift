// A lane's batch at a step: which cases, which crops, which views. Everything is a function of (seed, lane, step), so the rank that
// computes a lane, and how often a run was interrupted, do not matter.

import Cluster
import Preparation
import Tensors
import Volumes

/// Draws the batches of lanes.
public final class LaneLoader {
  private let store: CaseStore
  let sampler: PatchSampler
  private let recipe: BatchRecipe
  private let labelled: [String]
  /// The unlabelled cases of each lane.
  private let unlabelled: [UnlabelledOrder]
  private let origins: [String: CaseOrigin]
  private let lanes: Int
  private let seed: UInt64
  /// How every crop is shown to methods, under a bias field of its own; nil: as it is.
  private let biased: View?

  /// - Parameters:
  ///   - shards: the unlabelled cases of each lane.
  ///   - biasField: what lies over every crop; nil: nothing.
  public init(
    store: CaseStore, sampler: PatchSampler, recipe: BatchRecipe, split: DataSplit, shards: [[String]],
    sampling: UnlabelledSampling, seed: UInt64, biasField: SOBF? = nil
  ) {
    (self.store, self.sampler, self.recipe) = (store, sampler, recipe)
    biased = biasField.map(View.biased)
    (labelled, origins, lanes, self.seed) = (split.labelled, split.origins, shards.count, seed)
    unlabelled = shards.enumerated().map { lane, cases in
      UnlabelledOrder(cases, sampling, origins: split.origins, seed: seed, lane: lane)
    }
  }

  public func batch(lane: Int, at step: Step) throws(VolumeError) -> Batch {
    let (labelledCount, unlabelledCount) = (recipe.labelledCount, recipe.unlabelledCount), micro = step.index * lanes + lane
    var labelledSamples: [Sample] = [], unlabelledSamples: [Sample] = []
    for number in 0..<labelledCount {
      let position = micro * labelledCount + number
      labelledSamples.append(
        try sample(
          labelledCase(position), recipe.labelled, isLabelled: true, draw: UInt64(position),
          forced: forcesForeground(lane * labelledCount + number), at: step))
    }
    for number in 0..<unlabelledCount {
      let identifier = unlabelled[lane][step.index * unlabelledCount + number]
      let draw = UInt64(micro * unlabelledCount + number)
      unlabelledSamples.append(try sample(identifier, recipe.unlabelled, isLabelled: false, draw: draw, forced: false, at: step))
    }
    return Batch(labelled: labelledSamples, unlabelled: unlabelledSamples)
  }

  /// The labelled case at a position of the run: in epochs, or as nnU-Net draws it, each time from all of them.
  private func labelledCase(_ position: Int) -> String {
    switch sampler.placement {
    case .inside: return CaseOrder(labelled, seed: seed, stream: "labelled")[position]
    case .nnunet:
      let key = RandomKey(seed: seed, volume: "labelled", draw: UInt64(position), stream: RandomStream.dataOrder)
      return labelled[key.integer(0, below: labelled.count)]
    }
  }

  /// Whether the labelled sample at a place in the batch of all lanes must have foreground; nil leaves that to the sampler's draw.
  private func forcesForeground(_ place: Int) -> Bool? {
    guard sampler.placement == .nnunet else { return nil }
    return PatchPlacement.forcesForeground(place, of: lanes * recipe.labelledCount, share: sampler.foregroundShare)
  }

  /// - Parameter isLabelled: if not, neither the label nor crop positions derived from it may be used, even where the data have one.
  private func sample(
    _ identifier: String, _ views: [View], isLabelled: Bool, draw: UInt64, forced: Bool?, at step: Step
  ) throws(VolumeError) -> Sample {
    var volume = try store.volume(identifier)
    if !isLabelled { volume.label = nil }
    let patch = sampler.sample(volume, draw: draw, forced: forced)
    let clean = augmented(
      Tensor(patch.image, shape: [1, patch.extent.depth, patch.extent.height, patch.extent.width, volume.channels]), identifier,
      draw: draw, at: step)
    let source = ViewSource(image: clean, identifier: identifier, draw: draw, step: step)
    var images: [View: Tensor] = [.clean: clean]
    for view in views where view != .clean { images[view] = view.image(of: source) }
    return Sample(
      identifier: identifier, draw: draw, views: images, label: patch.label, place: patch.place,
      group: origins[identifier]?.phase)
  }

  /// A crop under its bias field, which is none of those that a method puts over it besides.
  private func augmented(_ crop: Tensor, _ identifier: String, draw: UInt64, at step: Step) -> Tensor {
    guard let biased else { return crop }
    let own = Step(index: step.index, total: step.total, seed: step.seed ^ fnv1a64("augmentation.bias"))
    return biased.image(of: ViewSource(image: crop, identifier: identifier, draw: draw, step: own))
  }
}
