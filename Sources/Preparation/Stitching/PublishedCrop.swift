// Random crops by the rule of the UA-MT family (yulequan/UA-MT, code/dataloaders/la_heart.py, `RandomCrop`), which ShumengLI/SFR keeps: padding with
// zeros, more than is needed, and a last start that is never drawn. `PatchSampler` is without these.
// Axes: D depth, H height, W width, C channels; row-major, C fastest.

import Tensors
import Volumes

/// A crop of a volume as the published program cuts it.
public struct PublishedCrop: Sendable, Equatable {
  public var patch: Extent

  public init(patch: Extent) { self.patch = patch }

  /// Zeros on each side of each axis: none where the volume is larger than the patch along every axis, else max(floor((patch - size) / 2) + 3, 0).
  public func padding(of volume: Extent) -> [Int] {
    guard (0..<3).contains(where: { volume[$0] <= patch[$0] }) else { return [0, 0, 0] }
    return (0..<3).map { max(((patch[$0] - volume[$0]) >> 1) + 3, 0) }  // >> rounds down, below zero too
  }

  /// The number of starts along each axis that can be drawn, from 0 in the padded volume.
  public func startCounts(in volume: Extent) -> [Int] {
    zip(0..<3, padding(of: volume)).map { volume[$0] + 2 * $1 - patch[$0] }
  }

  /// A random start (D, H, W) in the padded volume.
  public func start(in volume: Extent, key: RandomKey) -> [Int] {
    startCounts(in: volume).enumerated().map { key.integer(UInt64($0), below: $1) }
  }

  /// The crop [D, H, W, C] at `start` of the padded volume.
  public func cut(image: [Float], of volume: Extent, channels: Int, start: [Int]) -> [Float] {
    window(volume, start).cut(image, of: volume, padding: [Float](repeating: 0, count: channels))
  }

  /// The crop [D, H, W] of labels at `start` of the padded volume.
  public func cut(label: [UInt8], of volume: Extent, start: [Int]) -> [UInt8] {
    window(volume, start).cut(label, of: volume, padding: [0])
  }

  private func window(_ volume: Extent, _ start: [Int]) -> Window {
    Window(start: zip(start, padding(of: volume)).map { $0 - $1 }, extent: patch)
  }
}
