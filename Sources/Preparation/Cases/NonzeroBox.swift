// The smallest box around everything in a scan that is not zero (MIC-DKFZ/nnUNet, nnunetv2/preprocessing/cropping/cropping.py).
// Axes: D depth, H height, W width; row-major, W fastest.

import Volumes

/// The box of voxels in which at least one channel is not zero.
struct NonzeroBox: Equatable {
  /// The first voxel along D, H, W.
  var start: [Int]
  var extent: Extent

  /// Nil if every voxel of every channel is zero. `channels` are [D, H, W] each.
  init?(_ channels: [[Float]], extent: Extent) {
    var (low, high) = ([Int.max, Int.max, Int.max], [-1, -1, -1])
    for voxels in channels {
      voxels.withUnsafeBufferPointer { voxels in
        for d in 0..<extent.depth {
          for h in 0..<extent.height {
            let row = UnsafeBufferPointer(rebasing: voxels[extent.index(d, h, 0)..<extent.index(d, h, 0) + extent.width])
            guard let first = row.firstIndex(where: { $0 != 0 }), let last = row.lastIndex(where: { $0 != 0 }) else { continue }
            (low[0], high[0]) = (min(low[0], d), max(high[0], d))
            (low[1], high[1]) = (min(low[1], h), max(high[1], h))
            (low[2], high[2]) = (min(low[2], first), max(high[2], last))
          }
        }
      }
    }
    guard high[0] >= 0 else { return nil }
    start = low
    self.extent = Extent(high[0] - low[0] + 1, high[1] - low[1] + 1, high[2] - low[2] + 1)
  }

  /// The box of `values` [D, H, W] of a volume that contains it.
  func crop<Value: BitwiseCopyable & ExpressibleByIntegerLiteral>(_ values: [Value], of volume: Extent) -> [Value] {
    Window(start: start, extent: extent).cut(values, of: volume, padding: [0])
  }
}
