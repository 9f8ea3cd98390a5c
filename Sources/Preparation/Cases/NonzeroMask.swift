// Which voxels of a scan belong to its object: those that are not zero in at least one channel, and the holes among them
// (MIC-DKFZ/nnUNet, nnunetv2/preprocessing/cropping/cropping.py). Axes: D depth, H height, W width; row-major, W fastest.

import Volumes

/// 1 where a voxel belongs to the object, [D, H, W].
struct NonzeroMask {
  private(set) var inside: [UInt8]

  init(_ extent: Extent) { inside = [UInt8](repeating: 0, count: extent.count) }

  /// Takes the voxels [D, H, W] of a channel in.
  mutating func include(_ voxels: [Float]) {
    inside.withUnsafeMutableBufferPointer { inside in
      voxels.withUnsafeBufferPointer { voxels in
        for index in 0..<voxels.count where voxels[index] != 0 { inside[index] = 1 }
      }
    }
  }
}

/// Gives every 0 of `mask` [D, H, W] that no path of neighbours (six of them) of zeros joins to a face of the volume the value 1.
func fillHoles(_ mask: inout [UInt8], extent: Extent) {
  let outside: UInt8 = 2
  mask.withUnsafeMutableBufferPointer { mask in
    // Sweeps forwards and backwards, each of which carries the outside as far as it goes in its direction: a scan needs a few of them.
    var isChanged = true
    while isChanged {
      let changes = [true, false].map { sweep(mask, extent, outside, forwards: $0) }
      isChanged = changes.contains(true)
    }
    for index in 0..<mask.count { mask[index] = mask[index] == outside ? 0 : 1 }
  }
}

/// Marks zeros at a face or beside a marked voxel, in the order of a sweep.
/// - Returns: whether any was.
private func sweep(_ mask: UnsafeMutableBufferPointer<UInt8>, _ extent: Extent, _ outside: UInt8, forwards: Bool) -> Bool {
  let (plane, width) = (extent.height * extent.width, extent.width)
  var isChanged = false
  for step in 0..<extent.depth * extent.height {
    let row = forwards ? step : extent.depth * extent.height - 1 - step
    let (d, h, start) = (row / extent.height, row % extent.height, row * width)
    let isFace = d == 0 || d == extent.depth - 1 || h == 0 || h == extent.height - 1
    for column in 0..<width {
      let w = forwards ? column : width - 1 - column, index = start + w
      guard mask[index] == 0 else { continue }
      if isFace || w == 0 || w == width - 1 || mask[index - 1] == outside || mask[index + 1] == outside
        || mask[index - width] == outside || mask[index + width] == outside || mask[index - plane] == outside
        || mask[index + plane] == outside
      {
        mask[index] = outside
        isChanged = true
      }
    }
  }
  return isChanged
}
