// A box of voxels somewhere in a volume, possibly reaching beyond it: what patches and sliding windows are cut with.
// Axes: D depth, H height, W width, C channels; row-major, C fastest.

import Volumes

/// A box of `extent` voxels that begins at `start` (D, H, W); parts before 0 or beyond the volume are padding.
struct Window {
  var start: [Int]
  var extent: Extent

  /// The start of a window of `size` voxels centred on an axis of `count` < `size` voxels; the odd voxel of padding is at the far end.
  static func centredStart(count: Int, size: Int) -> Int { -((size - count) / 2) }

  /// Whether no part of the window is padding.
  func isInside(_ volume: Extent) -> Bool {
    (0..<3).allSatisfy { start[$0] >= 0 && start[$0] + extent[$0] <= volume[$0] }
  }

  /// The part of the window's row (d, h) that lies in the volume: its first column in the window, in the volume, and its length; nil if none.
  func row(_ d: Int, _ h: Int, in volume: Extent) -> (window: Int, volume: Int, length: Int)? {
    let (z, y) = (start[0] + d, start[1] + h)
    guard z >= 0, z < volume.depth, y >= 0, y < volume.height else { return nil }
    let first = max(0, start[2])
    let end = min(volume.width, start[2] + extent.width)
    guard end > first else { return nil }
    return (extent.index(d, h, first - start[2]), volume.index(z, y, first), end - first)
  }

  /// The window of `values` [D, H, W, C], with `padding` (one value for each channel) outside the volume.
  func cut<Value: BitwiseCopyable>(_ values: [Value], of volume: Extent, padding: [Value]) -> [Value] {
    let channels = padding.count
    var patch = [Value](unsafeUninitializedCapacity: extent.count * channels) { patch, initialised in
      // Inside the volume every value is copied below.
      if !isInside(volume) { for index in 0..<extent.count * channels { patch[index] = padding[index % channels] } }
      initialised = extent.count * channels
    }
    values.withUnsafeBufferPointer { values in
      patch.withUnsafeMutableBufferPointer { patch in
        for d in 0..<extent.depth {
          for h in 0..<extent.height {
            guard let row = row(d, h, in: volume) else { continue }
            (patch.baseAddress! + row.window * channels).update(
              from: values.baseAddress! + row.volume * channels, count: row.length * channels)
          }
        }
      }
    }
    return patch
  }
}

/// The smallest value of each channel of an image [D, H, W, C]: the background that padding continues.
func background(_ image: [Float], channels: Int) -> [Float] {
  (0..<channels).map { channelRange(image, channel: $0, of: channels).minimum }
}
