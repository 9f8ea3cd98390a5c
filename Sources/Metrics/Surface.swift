// The region of one label, cut to a box, and its surface voxels. Arrays [D, H, W].

import Volumes

/// The smallest box that holds the voxels of one label in both of two label maps: the first and last along D, H, W.
struct LabelBox {
  private(set) var lower = SIMD3(repeating: Int.max)
  private(set) var upper = SIMD3(repeating: Int.min)

  var extent: Extent { Extent(upper[0] - lower[0] + 1, upper[1] - lower[1] + 1, upper[2] - lower[2] + 1) }

  /// Grows the box by a voxel.
  mutating func include(_ d: Int, _ h: Int, _ w: Int) {
    let voxel = SIMD3(d, h, w)
    lower.replace(with: voxel, where: voxel .< lower)
    upper.replace(with: voxel, where: voxel .> upper)
  }
}

/// Indices, within `box`, of the voxels with `label` that touch another value by a face; what lies outside the array counts as another value.
///
/// This is `mask xor erode(mask)` with the six-neighbour cross, as medpy defines a surface. The box holds every voxel with the label.
func surface(of labels: [UInt8], label: UInt8, extent: Extent, box: LabelBox) -> [Int] {
  let size = box.extent
  let (rowStep, sliceStep) = (extent.width, extent.width * extent.height)
  var indices: [Int] = []
  labels.withUnsafeBufferPointer { voxels in
    for d in 0..<size.depth {
      for h in 0..<size.height {
        let start = extent.index(d + box.lower[0], h + box.lower[1], box.lower[2])
        let isBorderRow = d == 0 || d == size.depth - 1 || h == 0 || h == size.height - 1
        for w in 0..<size.width where voxels[start + w] == label {
          let at = start + w
          let isInner =
            !isBorderRow && w > 0 && w < size.width - 1 && voxels[at - 1] == label && voxels[at + 1] == label
            && voxels[at - rowStep] == label && voxels[at + rowStep] == label && voxels[at - sliceStep] == label
            && voxels[at + sliceStep] == label
          if !isInner { indices.append(size.index(d, h, w)) }
        }
      }
    }
  }
  return indices
}
