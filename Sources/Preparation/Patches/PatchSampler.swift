// Random crops of a prepared volume. A patch is a function of (seed, identifier, draw) and of nothing else.
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

/// Cuts patches out of prepared volumes (HiLab-git/SSL4MIS, code/dataloaders/brats2019.py, `RandomCrop`), some around a foreground
/// voxel as nnU-Net does (nnunetv2/training/dataloading/data_loader.py).
public struct PatchSampler: Sendable {
  public var patch: Extent
  public var seed: UInt64
  /// The share of labelled patches that are centred on a random voxel of a random foreground class; the others lie anywhere.
  public var foregroundShare: Double
  public var augmentation: PatchAugmentation

  public init(
    patch: Extent, seed: UInt64, foregroundShare: Double = 1.0 / 3, augmentation: PatchAugmentation = PatchAugmentation()
  ) {
    (self.patch, self.seed, self.foregroundShare, self.augmentation) = (patch, seed, foregroundShare, augmentation)
  }

  /// The patch of one draw; `draw` is the global number of the sample, never the rank. Only labelled cases give a label: that of a test case
  /// stays unseen.
  public func sample(_ prepared: PackedCase, draw: UInt64) -> Patch {
    sample(
      image: prepared.image, label: prepared.role == .labelled ? prepared.label : nil, extent: prepared.extent,
      spacing: prepared.spacing, channels: prepared.channels, identifier: prepared.identifier, draw: draw)
  }

  /// The patch of one draw from arrays: image [D, H, W, C], label [D, H, W]. A volume smaller than the patch is centred in it:
  /// the image is padded with the smallest value of each channel, the label with background.
  package func sample(
    image: [Float], label: [UInt8]?, extent: Extent, spacing: Spacing = Spacing(1, 1, 1), channels: Int, identifier: String,
    draw: UInt64
  ) -> Patch {
    guard image.count == extent.count * channels, label == nil || label?.count == extent.count else {
      fatalError("patch of \(identifier): image or label do not have \(extent) voxels; prepare the data set again")
    }
    let window = Window(start: start(label, extent, identifier: identifier, draw: draw), extent: patch)
    let key = RandomKey(seed: seed, volume: identifier, draw: draw, stream: RandomStream.rotationAndFlip)
    let permutation = augmentation.draw(key, patch: patch)
    let padding = window.isInside(extent) ? [Float](repeating: 0, count: channels) : background(image, channels: channels)
    let imagePatch = window.cut(image, of: extent, padding: padding)
    let (first, steps) = permutation.map(patch)
    let origin = zip(window.start, first).map { $0 + $1 }
    return Patch(
      image: permutation.apply(imagePatch, extent: patch, channels: channels),
      label: label.map { permutation.apply(window.cut($0, of: extent, padding: [0]), extent: patch, channels: 1) },
      extent: patch, identifier: identifier,
      place: CropPlace(volume: extent, spacing: spacing, crop: patch, origin: origin, steps: steps))
  }

  private func start(_ label: [UInt8]?, _ extent: Extent, identifier: String, draw: UInt64) -> [Int] {
    let key = RandomKey(seed: seed, volume: identifier, draw: draw, stream: RandomStream.crop)
    let wantsForeground = key.uniform(0) < foregroundShare
    let centre = wantsForeground ? label.flatMap { foregroundVoxel($0, key) } : nil
    return (0..<3).map { axis in
      let room = extent[axis] - patch[axis]
      guard room > 0 else { return Window.centredStart(count: extent[axis], size: patch[axis]) }
      guard let centre else { return key.integer(UInt64(1 + axis), below: room + 1) }
      return max(0, min(room, position(centre, extent)[axis] - patch[axis] / 2))
    }
  }

  private func position(_ voxel: Int, _ extent: Extent) -> [Int] {
    [voxel / (extent.height * extent.width), voxel / extent.width % extent.height, voxel % extent.width]
  }

  /// A random voxel of a random foreground class that the label holds; nil if it holds none.
  private func foregroundVoxel(_ label: [UInt8], _ key: RandomKey) -> Int? {
    label.withUnsafeBufferPointer { label in
      var counts = [Int](repeating: 0, count: 256)
      counts.withUnsafeMutableBufferPointer { counts in
        for voxel in 0..<label.count { counts[Int(label[voxel])] += 1 }
      }
      let classes = (1..<256).filter { counts[$0] > 0 }
      guard !classes.isEmpty else { return nil }
      let chosen = classes[key.integer(4, below: classes.count)]
      var remaining = key.integer(5, below: counts[chosen])
      for voxel in 0..<label.count where Int(label[voxel]) == chosen {
        if remaining == 0 { return voxel }
        remaining -= 1
      }
      return nil
    }
  }
}
