// The canvases that SAM is fine-tuned on (ShumengLI/SFR, code/dataloaders): which case, which crop, how it is turned, bent and stitched. Everything is a
// function of (seed, lane, step).
// Axes: D H W voxels of a crop, S pixels along each side of a canvas, C channels.

import Foundation
import Preparation
import Tensors
import Volumes

/// A canvas with its labels.
struct CanvasExample {
  /// [S, S, C]
  var image: [Float]
  /// [S, S]; K or more in the gaps.
  var labels: [UInt8]
}

struct CanvasLoader {
  /// Canvases of a lane in each step.
  let count: Int
  private let configuration: RunConfiguration
  private let store: CaseStore
  private let labelled: [String]
  private let stitching: Stitching

  init(_ configuration: RunConfiguration, store: CaseStore, labelled: [String], stitching: Stitching) {
    (self.configuration, self.store, self.labelled, self.stitching) = (configuration, store, labelled, stitching)
    count = max(1, configuration.labelledSamples)
  }

  /// How canvases are changed at random, and whether the gaps between slices count, as text.
  var settings: String {
    "\(configuration[SFRKeys.remap]) \(configuration[SFRKeys.turnsCanvas]) \(configuration[SFRKeys.turnsVolume]) "
      + "\(configuration[SFRKeys.flipProbability]) \(configuration[SFRKeys.leavesOutGaps])"
  }

  /// A single labelled volume is drawn several times, each time as another crop.
  func examples(lane: Int, at step: Step) throws(VolumeError) -> [CanvasExample] {
    var examples: [CanvasExample] = []
    for number in 0..<count {
      let position = (step.index * configuration.lanes + lane) * count + number
      let identifier = CaseOrder(labelled, seed: configuration.seed, stream: "canvases")[position]
      let volume = try store.volume(identifier)
      guard let label = volume.label else { fatalError("case \(identifier) came without its label: prepare the data again") }
      examples.append(example(label: label, of: volume, draw: UInt64(position)))
    }
    return examples
  }

  /// The canvas of one draw from a volume with these labels.
  func example(label: [UInt8], of volume: PackedCase, draw: UInt64) -> CanvasExample {
    let key = RandomKey(seed: configuration.seed, volume: volume.identifier, draw: draw, stream: RandomStream.stitching)
    let (channels, patch) = (volume.channels, stitching.crop), first = stitching.firstSlice(key.child(4))
    var (image, labels) = crop(of: volume, label: label, key)
    if let remap { image = remap.apply(image, crop: patch, key: key.child(2)) }
    image = stitching.canvas(image: image, channels: channels, firstSlice: first)
    labels = stitching.canvas(labels: labels, firstSlice: first)
    if remap?.rescalesFirst == true { image = IntensityRemap.standardized(image) }
    guard configuration[SFRKeys.turnsCanvas] else { return CanvasExample(image: image, labels: labels) }
    let turn = CanvasTurn(key: key.child(3), flipProbability: configuration[SFRKeys.flipProbability])
    return CanvasExample(
      image: turn.apply(image, side: stitching.side, channels: channels), labels: turn.apply(labels: labels, side: stitching.side)
    )
  }

  /// A crop, turned and mirrored in the slice plane.
  private func crop(of volume: PackedCase, label: [UInt8], _ key: RandomKey) -> (image: [Float], labels: [UInt8]) {
    var labelled = volume
    labelled.label = label
    let source = stitching.source(labelled), patch = stitching.crop, published = PublishedCrop(patch: patch)
    let start = published.start(in: source.extent, key: key.child(0))
    let image = published.cut(image: source.image, of: source.extent, channels: source.channels, start: start)
    let labels = published.cut(label: source.label ?? label, of: source.extent, start: start)
    let turns: PatchAugmentation.Kind = configuration[SFRKeys.turnsVolume] ? .rotateFlip : .none
    let permutation = PatchAugmentation(
      turns, flipAxes: [.height, .width], flipProbability: configuration[SFRKeys.flipProbability]
    ).draw(key.child(1), patch: patch)
    return (
      permutation.apply(image, extent: patch, channels: volume.channels), permutation.apply(labels, extent: patch, channels: 1)
    )
  }

  private var remap: IntensityRemap? {
    switch configuration[SFRKeys.remap] {
    case .none: nil
    case .published: IntensityRemap()
    case .rescaled: IntensityRemap(rescalesFirst: true)
    }
  }
}
