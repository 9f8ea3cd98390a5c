// The smallest box around everything in a scan that is not zero (MIC-DKFZ/nnUNet, nnunetv2/preprocessing/cropping/cropping.py).
// Axes: D depth, H height, W width; row-major, W fastest.

import Volumes

/// A box of voxels.
package struct NonzeroBox: Equatable {
  /// The first voxel along D, H, W.
  package var start: [Int]
  package var extent: Extent

  /// The box of `values` [D, H, W] of a volume that contains it.
  package func crop<Value: BitwiseCopyable & ExpressibleByIntegerLiteral>(_ values: [Value], of volume: Extent) -> [Value] {
    start == [0, 0, 0] && extent == volume ? values : Window(start: start, extent: extent).cut(values, of: volume, padding: [0])
  }
}

/// The box of voxels in which at least one of some channels is not zero, found one channel after the other.
struct NonzeroBounds {
  private var low = [Int.max, Int.max, Int.max], high = [-1, -1, -1]

  /// Nil as long as every voxel of every channel is zero.
  var box: NonzeroBox? {
    guard high[0] >= 0 else { return nil }
    return NonzeroBox(start: low, extent: Extent(high[0] - low[0] + 1, high[1] - low[1] + 1, high[2] - low[2] + 1))
  }

  /// Takes the voxels [D, H, W] of a channel in.
  mutating func include(_ voxels: [Float], extent: Extent) {
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
}
