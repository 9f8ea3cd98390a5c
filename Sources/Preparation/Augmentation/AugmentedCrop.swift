// nnU-Net's augmentation of one crop, in its order: read through rotation and scale, noise, blur, brightness, contrast, low resolution, gamma of the
// negative, gamma, zeros outside of the object where channels are normalised in it alone (MIC-DKFZ/nnUNet v2.8.1, nnunetv2/training/nnUNetTrainer/nnUNetTrainer.py). Of the volume only the voxels of the patch are
// read, or those of the enlarged patch that a rotation or a scale reaches.
// Axes: D depth, H height, W width, C channels; row-major, C fastest.

import Kernels
import Tensors
import Volumes

/// A crop of a volume that is about to be augmented.
package struct AugmentedCrop {
  private let patch: AugmentedPatch
  private let draw: AugmentationDraw
  private let key: RandomKey
  private let volume: Extent
  /// The patch as it lies; its labels and those of other volumes of the same place are read alike.
  let window: Window
  /// Nil for the patch as it lies.
  let turned: TurnedPatch?
  package var isTurned: Bool { turned != nil }

  /// - Parameter start: of the enlarged patch.
  package init(
    _ patch: AugmentedPatch, start: [Int], volume: Extent, channels: Int, key: RandomKey, families: AugmentationFamilies = .all
  ) {
    (self.patch, self.volume, self.key) = (patch, volume, key)
    let draw = AugmentationDraw(key, patch, channels: channels, families: families)
    self.draw = draw
    window = Window(start: zip(start, patch.margin).map { $0 + $1 }, extent: patch.patch)
    turned = draw.spatial.map {
      TurnedPatch($0, patch: patch.patch, start: start, enlarged: patch.enlarged, volume: volume)
    }
  }

  /// Labels [D, H, W] of the volume in the patch; 0 outside.
  package func labels(_ labels: [UInt8]) -> [UInt8] { turned?.read(labels) ?? window.cut(labels, of: volume, padding: [0]) }

  /// Labels of the volume in the patch, and where its object is there: what is outside of it votes as a label of its own, below all others.
  /// - Parameters: labels (nil for none) and inside, 1 in the object, [D, H, W].
  package func labels(_ labels: [UInt8]?, inside: [UInt8]) -> (labels: [UInt8]?, inside: [UInt8]) {
    guard let turned, let labels else {
      let read = { turned?.read($0) ?? window.cut($0, of: volume, padding: [0]) }
      return (labels.map(read), read(inside))
    }
    let raised = zip(labels, inside).map { label, isInside in isInside == 0 ? 0 : min(label, .max - 1) + 1 }
    let found = turned.read(raised, outside: 0)
    return (found.map { $0 == 0 ? 0 : $0 - 1 }, found.map { min($0, 1) })
  }

  /// Sets channels of an image [D, H, W, C] to 0 where `inside` [D, H, W] is 0.
  package static func clear(_ image: inout [Float], channels: [Bool], outside inside: [UInt8]) {
    image.withUnsafeMutableBufferPointer { image in
      for (channel, isCleared) in channels.enumerated() where isCleared {
        for voxel in inside.indices where inside[voxel] == 0 { image[voxel * channels.count + channel] = 0 }
      }
    }
  }

  /// The image [D, H, W, C] of the volume in the patch, with changed intensities; 0 outside before they change.
  package func image(_ image: [Float], channels: Int) -> [Float] {
    let count = patch.patch.count, memory = UnsafeMutablePointer<Float>.allocate(capacity: (channels + 1) * count)
    defer { memory.deallocate() }
    read(image, channels: channels, into: memory)
    return [Float](unsafeUninitializedCapacity: count * channels) { result, initialised in
      // A change may leave its result in the spare memory, and what it had is spare then.
      var spare = memory + channels * count
      for number in 0..<channels {
        var channel = PatchChannel(memory + number * count, spare: spare, extent: patch.patch)
        change(&channel, number)
        for voxel in 0..<count { result[voxel * channels + number] = channel.values[voxel] }
        spare = channel.spare
      }
      initialised = count * channels
    }
  }

  /// Reads the image into [C, D, H, W].
  private func read(_ image: [Float], channels: Int, into planes: UnsafeMutablePointer<Float>) {
    if let turned { return image.withUnsafeBufferPointer { turned.read($0.baseAddress!, channels: channels, into: planes) } }
    let values = window.cut(image, of: volume, padding: [Float](repeating: 0, count: channels)), count = patch.patch.count
    for channel in 0..<channels {
      for voxel in 0..<count { planes[channel * count + voxel] = values[voxel * channels + channel] }
    }
  }

  private func change(_ channel: inout PatchChannel, _ number: Int) {
    if let deviation = draw.noise {
      channel.addNoise(standardDeviation: deviation, key: key.child(2).child(UInt64(number)).value)
    }
    if let deviations = draw.blur[number] { channel.blur(deviations) }
    if let factor = draw.brightness[number] { channel.multiply(by: factor) }
    if let factor = draw.contrast[number] { channel.changeContrast(by: factor) }
    if let zoom = draw.zoom[number] { channel.lowerResolution(zoom, keepsDepth: patch.turnsInPlane) }
    if let gamma = draw.invertedGamma[number] { channel.applyGamma(gamma, inverted: true) }
    if let gamma = draw.gamma[number] { channel.applyGamma(gamma, inverted: false) }
  }
}
