// Parts of a label map that hang together by faces, edges or corners, and what is left of a region without its smaller parts (nnU-Net's post-processing:
// MIC-DKFZ/nnUNet, nnunetv2/postprocessing/remove_connected_components.py). Arrays [D, H, W].

/// The parts of a region, in the order of their first voxels: row-major indices of each, in the order in which they were found.
/// - Parameter isInside: whether a voxel belongs to the region, [D, H, W] = `extent`.
public func connectedParts(of isInside: [Bool], extent: Extent) -> [[Int]] {
  var isOpen = isInside, parts: [[Int]] = []
  for first in isOpen.indices where isOpen[first] { parts.append(takePart(from: first, &isOpen, extent)) }
  return parts
}

/// The voxels connected with `first`, which are no longer open afterwards: row-major indices in the order in which they were found.
private func takePart(from first: Int, _ isOpen: inout [Bool], _ extent: Extent) -> [Int] {
  var voxels = [first], next = 0
  isOpen[first] = false
  func around(_ place: Int, _ count: Int) -> ClosedRange<Int> { max(0, place - 1)...min(count - 1, place + 1) }
  while next < voxels.count {
    let voxel = voxels[next],
      (d, h, w) = (voxel / (extent.height * extent.width), voxel / extent.width % extent.height, voxel % extent.width)
    next += 1
    for depth in around(d, extent.depth) {
      for height in around(h, extent.height) {
        for width in around(w, extent.width) {
          let neighbour = extent.index(depth, height, width)
          if isOpen[neighbour] {
            isOpen[neighbour] = false
            voxels.append(neighbour)
          }
        }
      }
    }
  }
  return voxels
}

/// Sets all voxels whose label belongs to a region to background but those of the region's largest part; of equally large ones all stay.
public func keepLargestPart(in labels: inout [UInt8], extent: Extent, of isRegion: (UInt8) -> Bool) {
  let parts = connectedParts(of: labels.map(isRegion), extent: extent)
  let largest = parts.map(\.count).max() ?? 0
  for part in parts where part.count < largest { for voxel in part { labels[voxel] = 0 } }
}
