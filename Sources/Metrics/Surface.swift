// The region of one label, cut to a box, and its surface voxels. Arrays [D, H, W].

import Volumes

/// The smallest box that holds the voxels of one label in both of two label maps: ranges along D, H, W.
struct LabelBox {
  var lower = [Int.max, Int.max, Int.max]
  var upper = [Int.min, Int.min, Int.min]

  var extent: Extent { Extent(upper[0] - lower[0] + 1, upper[1] - lower[1] + 1, upper[2] - lower[2] + 1) }

  /// Grows the box by the voxels of `row` (at depth `d`, height `h`) that equal `label`, and returns how many there are.
  mutating func include(_ row: UnsafeBufferPointer<UInt8>, label: UInt8, d: Int, h: Int) -> Int {
    var count = 0
    for w in 0..<row.count { count += row[w] == label ? 1 : 0 }
    guard count > 0 else { return 0 }
    var (first, last) = (0, row.count - 1)
    while row[first] != label { first += 1 }
    while row[last] != label { last -= 1 }
    (lower[0], upper[0]) = (min(lower[0], d), max(upper[0], d))
    (lower[1], upper[1]) = (min(lower[1], h), max(upper[1], h))
    (lower[2], upper[2]) = (min(lower[2], first), max(upper[2], last))
    return count
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
