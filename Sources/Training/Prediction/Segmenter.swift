// Trained networks applied to a whole prepared volume: sliding window, weighted average of logits over windows, mirror images and networks
// (MIC-DKFZ/nnUNet, nnunetv2/inference/predict_from_raw_data.py).

import Cluster
import MPI
import Methods
import Networks
import Preparation
import Tensors
import Volumes

/// Predicts the classes of whole volumes.
public struct Segmenter {
  /// The networks whose logits are averaged; at least one.
  public internal(set) var networks: [any Network]
  public let patch: Extent
  public let classes: Int
  /// The labels of each region that the networks score; nil: they score classes.
  let regions: [[Int]]?
  public let overlap: Double
  public let weighting: WindowWeighting
  /// The axes along which each window is also seen as its mirror image.
  public let mirrored: FlipAxes
  /// How training placed patches: what continues a volume that is smaller than one.
  let placement: PatchPlacement
  /// Whether labels of a case come with what the networks say of every class.
  public var keepsProbabilities = false

  public init(
    networks: [any Network], patch: Extent, classes: Int, regions: [[Int]]? = nil, overlap: Double, weighting: WindowWeighting,
    mirrored: FlipAxes = [], placement: PatchPlacement = .inside
  ) {
    self.placement = placement
    (self.networks, self.patch, self.classes, self.regions) = (networks, patch, classes, regions)
    (self.overlap, self.weighting, self.mirrored) = (overlap, weighting, mirrored)
  }

  /// The network that predicts alone, or the first of several.
  public var network: any Network { networks[0] }

  /// Averages of the first network's probabilities over windows, as the published semi-supervised methods take them.
  /// - Returns: [D, H, W, K] at the prepared extent; where the network scores regions, 1 for the class that they paint.
  public func probabilities(of volume: PackedCase) -> [Float] {
    if regions != nil { return labels(of: volume).flatMap { label in (0..<classes).map { $0 == label ? 1 : 0 } } }
    return average(volume, values: classes) { x in
      let tape = Tape(recording: false)
      return tape.softmax(network.logits(x, mode: .evaluation, on: tape)).values
    }
  }

  /// The weighted average of what `window` makes of each patch. Shapes: [1, D, H, W, C] to D·H·W·V values, result [D, H, W, V].
  func average(_ volume: PackedCase, values: Int, window: (Tensor) -> [Float]) -> [Float] {
    cover(of: volume).predict(image: volume.image, channels: volume.channels, classes: values) {
      Flight.tick()
      return window(tensor($0, channels: volume.channels))
    }
  }

  /// The class with the highest average logit at each voxel [D, H, W] of the prepared volume.
  public func labels(of volume: PackedCase) -> [UInt8] {
    var labels: [UInt8] = []
    labels.reserveCapacity(volume.extent.count)
    forEachPlane(of: volume) { labels += planeLabels($0) }
    return labels
  }

  /// The class with the highest logit at each voxel of a patch. Shapes: [D, H, W, C] to [D, H, W].
  func labels(ofPatch image: [Float], channels: Int) -> [UInt8] {
    windowLogits(channels: channels)(image).withUnsafeBufferPointer { planeLabels($0) }
  }

  /// The labels of a case on the grid of its file; scores of the whole volume never exist at once.
  public func labelVolume(of volume: PackedCase) -> LabelVolume {
    var resampling = scoreResampling(of: volume)
    forEachPlane(of: volume) { resampling.add($0) }
    return restoreLabels(resampling.labels, frame: volume.frame)
  }

  /// As `labelVolume(of:)`, with the windows shared out over the ranks of a team. Every rank of it calls this with the same volume.
  /// - Returns: the labels on the first rank of the team, and the probabilities where they are kept; nil on the others.
  /// Errors: logits that are not finite.
  func segmented(
    _ volume: PackedCase, with team: WindowTeam, over world: borrowing Communicator
  ) throws -> (labels: LabelVolume, probabilities: ProbabilityMaps?)? {
    let cover = cover(of: volume), logits = windowLogits(channels: volume.channels)
    guard team.isFirst else {
      let cut = cover.patches(of: volume.image, channels: volume.channels)
      for number in cover.starts.indices where team.isOwn(number) { try team.send(logits(cut(number)), over: world) }
      return nil
    }
    var resampling = scoreResampling(of: volume)
    // The other ranks of the team go on sending, so that an error waits for the end.
    var isFinite = true
    try cover.forEachPlane(image: volume.image, channels: volume.channels, classes: outputs) { number, cut in
      let scores =
        try team.isOwn(number) ? logits(cut()) : team.scores(of: number, count: patch.count * outputs, over: world)
      isFinite = isFinite && scores.allSatisfy(\.isFinite)
      return scores
    } plane: {
      resampling.add($1)
    }
    guard isFinite else {
      throw TrainingError(
        "\(volume.identifier): the network's logits are not finite: look for extreme values in its image, or use an earlier checkpoint."
      )
    }
    return (
      restoreLabels(resampling.labels, frame: volume.frame),
      keepsProbabilities
        ? ProbabilityMaps(cropped: resampling.probabilities, frame: volume.frame, hasBackground: regions == nil) : nil
    )
  }

  private func forEachPlane(of volume: PackedCase, _ body: (UnsafeBufferPointer<Float>) -> Void) {
    let logits = windowLogits(channels: volume.channels)
    cover(of: volume).forEachPlane(image: volume.image, channels: volume.channels, classes: outputs) {
      logits($1())
    } plane: {
      body($1)
    }
  }

  /// What the networks say of a voxel: K logits, or one for each region.
  var outputs: Int { regions?.count ?? classes }

  /// The labels that regions paint; nil for classes.
  private var regionLabels: [UInt8]? { regions?.map { UInt8($0[0]) } }

  private func scoreResampling(of volume: PackedCase) -> ScoreResampling {
    Preparation.scoreResampling(
      classes: outputs, extent: volume.extent, spacing: volume.spacing, frame: volume.frame, regionLabels: regionLabels,
      keepsProbabilities: keepsProbabilities)
  }

  private func planeLabels(_ plane: UnsafeBufferPointer<Float>) -> [UInt8] {
    guard let regionLabels else { return argmaxLabels(Array(plane), classes: classes) }
    return (0..<plane.count / outputs).map { voxel in
      regionLabels.indices.last { plane[voxel * outputs + $0] > 0 }.map { regionLabels[$0] } ?? 0
    }
  }

  private func cover(of volume: PackedCase) -> SlidingWindow {
    SlidingWindow(volume: volume.extent, patch: patch, step: .relative(1 - overlap), weighting: weighting, placement: placement)
  }

  private func tensor(_ values: [Float], channels: Int) -> Tensor {
    Tensor(values, shape: Shape([1, patch.depth, patch.height, patch.width, channels]))
  }

  /// The mean logits of a patch over networks and mirror images. Shapes: [D, H, W, C] to [D, H, W, K], or as many as regions.
  private func windowLogits(channels: Int) -> ([Float]) -> [Float] {
    let mirrorings = Mirrorings(mirrored)
    return { values in
      Flight.tick()
      return mirrorings.mean(of: values, extent: patch, channels: channels) { values in
        networks.map { $0.logits(tensor(values, channels: channels), mode: .evaluation, on: Tape(recording: false)).values }
      }
    }
  }
}
