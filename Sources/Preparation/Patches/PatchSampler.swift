// Random crops of a prepared volume. A patch is a function of (seed, identifier, draw) and of whether it must have foreground.
// Axes: D depth, H height, W width, C channels; row-major, C fastest.

import Tensors
import Volumes

/// One crop, ready for a batch.
public struct Patch: Sendable {
  /// [D, H, W, C].
  public var image: [Float]
  /// [D, H, W] class indices; nil for a volume whose label training must not see.
  public var label: [UInt8]?
  public var extent: Extent
  public var identifier: String
  public var place: CropPlace
}

/// Cuts patches out of prepared volumes.
public struct PatchSampler: Sendable {
  public var patch: Extent
  public var seed: UInt64
  /// The share of labelled patches that are around a random voxel of a random foreground class; the others lie anywhere.
  public var foregroundShare: Double
  public var augmentation: PatchAugmentation
  public var placement: PatchPlacement
  /// What labels mean, where there are regions or voxels of which nothing is known; nil: each label above 0 is a class.
  public var labels: LabelMeaning?
  /// For each channel whether nnU-Net's augmentation leaves 0 outside of the object.
  public var clearsOutside: [Bool]

  public init(
    patch: Extent, seed: UInt64, foregroundShare: Double = 1.0 / 3, augmentation: PatchAugmentation = PatchAugmentation(),
    placement: PatchPlacement = .inside, labels: LabelMeaning? = nil, clearsOutside: [Bool] = []
  ) {
    (self.patch, self.seed, self.foregroundShare) = (patch, seed, foregroundShare)
    (self.augmentation, self.placement) = (augmentation, placement)
    (self.labels, self.clearsOutside) = (labels, clearsOutside)
  }

  /// The patch of one draw; `draw` is the global number of the sample, never the rank. Only labelled cases give a label: that of a test case
  /// stays unseen.
  /// - Parameter forced: whether it must have foreground; nil draws that by `foregroundShare`.
  public func sample(_ prepared: PackedCase, draw: UInt64, forced: Bool? = nil) -> Patch {
    sample(
      image: prepared.image, label: prepared.role == .labelled ? prepared.label : nil, inside: prepared.inside,
      extent: prepared.extent, spacing: prepared.spacing, channels: prepared.channels, identifier: prepared.identifier,
      draw: draw, forced: forced)
  }

  /// The patch of one draw from arrays: image [D, H, W, C], label [D, H, W]. Beyond the volume the label is background; the image has the
  /// smallest value of each channel, or 0 as in nnU-Net where placement or augmentation is nnU-Net's.
  package func sample(
    image: [Float], label: [UInt8]?, inside: [UInt8]? = nil, extent: Extent, spacing: Spacing = Spacing(1, 1, 1), channels: Int,
    identifier: String,
    draw: UInt64, forced: Bool? = nil
  ) -> Patch {
    guard image.count == extent.count * channels, label == nil || label?.count == extent.count else {
      fatalError("patch of \(identifier): image or label do not have \(extent) voxels; prepare the data set again")
    }
    func key(_ stream: UInt64) -> RandomKey { RandomKey(seed: seed, volume: identifier, draw: draw, stream: stream) }
    let start = start(label, extent, key(RandomStream.crop), forced: forced)
    let permutation = augmentation.draw(key(RandomStream.rotationAndFlip), patch: patch)
    let window: Window, turned: TurnedPatch?
    var imagePatch: [Float], labelPatch: [UInt8]?, insidePatch: [UInt8]?
    if augmentation.kind == .nnunet {
      let crop = AugmentedCrop(
        augmentedPatch, start: start, volume: extent, channels: channels, key: key(RandomStream.augmentation),
        families: augmentation.families)
      (window, turned) = (crop.window, crop.turned)
      imagePatch = crop.image(image, channels: channels)
      if let inside, clearsOutside.contains(true) {
        (labelPatch, insidePatch) = crop.labels(label, inside: inside)
      } else {
        labelPatch = label.map { crop.labels($0) }
      }
    } else {
      (window, turned) = (Window(start: start, extent: patch), nil)
      imagePatch = window.cut(image, of: extent, padding: padding(window, image, of: extent, channels: channels))
      labelPatch = label.map { window.cut($0, of: extent, padding: [0]) }
    }
    if label != nil { augmentation.changeContrast(&imagePatch, channels: channels, key(RandomStream.contrast)) }
    if let insidePatch { AugmentedCrop.clear(&imagePatch, channels: clearsOutside, outside: insidePatch) }
    return Patch(
      image: permutation.apply(imagePatch, extent: patch, channels: channels),
      label: labelPatch.map { permutation.apply($0, extent: patch, channels: 1) },
      extent: patch, identifier: identifier,
      place: CropPlace(window, turned, permutation, volume: extent, spacing: spacing))
  }

  /// Without nnU-Net's augmentation nothing is needed around a patch.
  private var augmentedPatch: AugmentedPatch { AugmentedPatch(patch, isTurned: augmentation.kind == .nnunet) }

  private func start(_ label: [UInt8]?, _ extent: Extent, _ key: RandomKey, forced: Bool?) -> [Int] {
    let wantsForeground = forced ?? (key.uniform(0) < foregroundShare)
    let centre = label.flatMap { label in structures(wantsForeground).flatMap { voxel(of: $0, in: label, extent, key) } }
    return placement.start(of: augmentedPatch, around: centre, in: extent, key)
  }

  /// The labels of each structure that a patch may lie around: where some voxels are ignored, nnU-Net's other patches lie around any that is not. Nil for
  /// a patch that lies anywhere.
  private func structures(_ wantsForeground: Bool) -> [[Int]]? {
    if wantsForeground { return labels?.structures ?? (1..<256).map { [$0] } }
    guard placement == .nnunet, let labels, labels.hasIgnored else { return nil }
    return [Array(labels.classNames.indices)]
  }

  private func padding(_ window: Window, _ image: [Float], of extent: Extent, channels: Int) -> [Float] {
    window.isInside(extent) ? [Float](repeating: 0, count: channels) : placement.padding(of: image, channels: channels)
  }
}
