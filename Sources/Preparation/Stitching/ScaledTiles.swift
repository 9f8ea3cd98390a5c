// Slices resampled in their plane, for tiles of another size than the crop's slices. Axes: D slices, H, W, C channels.

import Volumes

/// Values [D, H, W, C] on another grid, linear.
func resampled(_ values: [Float], channels: Int, from: Extent, to: Extent) -> [Float] {
  from == to ? values : resampleLinearly(values, channels: channels, from: from, to: to)
}

/// Labels [D, H, W] on another grid, each the one of the nearest voxel.
func nearest(_ labels: [UInt8], from: Extent, to: Extent) -> [UInt8] {
  guard from != to else { return labels }
  let taps = (0..<3).map { LinearTaps(count: from[$0], outputCount: to[$0], nearest: true).lower }
  return labels.withUnsafeBufferPointer { labels in
    [UInt8](unsafeUninitializedCapacity: to.count) { result, initialized in
      var voxel = 0
      for d in taps[0] {
        for h in taps[1] {
          let row = from.index(d, h, 0)
          for w in taps[2] {
            result[voxel] = labels[row + w]
            voxel += 1
          }
        }
      }
      initialized = to.count
    }
  }
}
