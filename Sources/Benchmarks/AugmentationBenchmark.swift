// nnU-Net's augmentation, timed: crops of random voxels with labels in blocks, one after the other.

import Files
import Foundation
import Kernels
import Preparation
import Tensors
import Volumes

/// What `measureAugmentation` found.
public struct AugmentationResult: Encodable, Sendable {
  /// D, H, W in voxels: what the network sees, and what is read where a crop is turned or scaled.
  public let patch, enlarged: [Int]
  public let channels, threads, crops: Int
  public let machine: Machine
  /// Means over all crops, and over those that were turned or scaled and those that were not.
  public let millisecondsPerCrop, millisecondsPerTurnedCrop, millisecondsPerPlainCrop: Double

  public var text: String {
    func sides(_ patch: [Int]) -> String { patch.map(String.init).joined(separator: "x") }
    return [
      "nnU-Net's augmentation, patch \(sides(patch)) out of \(sides(enlarged)), \(channels) channels, \(threads) threads, \(crops) crops",
      "\(machine.processor), \(machine.processors) processors",
      String(
        format: "%.1f ms a crop (%.1f turned or scaled, %.1f as they lie)", millisecondsPerCrop, millisecondsPerTurnedCrop,
        millisecondsPerPlainCrop),
    ].joined(separator: "\n")
  }
}

/// Times crops with their labels from a volume of the size of the enlarged patch. Sets the threads of the process. Error: too little memory.
public func measureAugmentation(patch: [Int], channels: Int, classes: Int, crops: Int, threads: Int)
  throws(FileError) -> AugmentationResult
{
  Threads.set(threads)
  let augmented = AugmentedPatch(Extent(patch[0], patch[1], patch[2])), volume = augmented.enlarged
  let floats = channels * volume.count + (2 * channels + 1) * augmented.patch.count
  if let shortage = FreeMemory.shortage(of: 4 * floats + 2 * volume.count, for: "the benchmark") {
    throw FileError("\(shortage). Take a smaller patch.")
  }
  let noise = RandomKey(1), image = (0..<volume.count * channels).map { Float(noise.gaussian(UInt64($0))) }
  let label = (0..<volume.count).map { voxel in
    UInt8(
      ((voxel % volume.width / 16) + (voxel / volume.width % volume.height / 16) + voxel / volume.width / volume.height / 16)
        % classes)
  }
  let mirror = PatchAugmentation(.nnunet, flipAxes: [.depth, .height, .width])
  var turned: [Double] = [], plain: [Double] = []
  for number in -2..<crops {
    let key = RandomKey(2).child(UInt64(number + 2)), began = ContinuousClock.now
    let crop = AugmentedCrop(augmented, start: [0, 0, 0], volume: volume, channels: channels, key: key)
    let permutation = mirror.draw(key, patch: augmented.patch)
    _ = permutation.apply(crop.image(image, channels: channels), extent: augmented.patch, channels: channels)
    _ = permutation.apply(crop.labels(label), extent: augmented.patch, channels: 1)
    let seconds = (ContinuousClock.now - began) / .seconds(1)
    if number < 0 { continue }  // the first only warm up
    if crop.isTurned { turned.append(seconds) } else { plain.append(seconds) }
  }
  func milliseconds(_ seconds: [Double]) -> Double { seconds.isEmpty ? 0 : 1000 * seconds.reduce(0, +) / Double(seconds.count) }
  return AugmentationResult(
    patch: patch, enlarged: (0..<3).map { volume[$0] }, channels: channels, threads: threads, crops: crops, machine: Machine(),
    millisecondsPerCrop: milliseconds(turned + plain), millisecondsPerTurnedCrop: milliseconds(turned),
    millisecondsPerPlainCrop: milliseconds(plain))
}
