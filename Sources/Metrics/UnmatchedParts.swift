// Connected parts of one label map that the other one has nothing of: false positives, or, the other way round, misses.

import Volumes

/// Voxels of one label that hang together by faces, edges or corners.
public struct LabelPart: Sendable {
  public let extent: Extent
  /// Row-major indices into [D, H, W] = `extent`, in the order in which they were found.
  public let voxels: [Int]
}

/// The connected parts of `label` in `labels` in which `other` has the label nowhere, in the order of their first voxels.
/// - Parameters: labels and other [D, H, W] = `extent`.
public func unmatchedParts(of labels: [UInt8], without other: [UInt8], extent: Extent, label: UInt8) -> [LabelPart] {
  guard labels.count == extent.count, other.count == extent.count else {
    fatalError("unmatchedParts: \(labels.count) and \(other.count) labels are not \(extent) voxels; bring them to one grid first")
  }
  var isOpen = labels.map { $0 == label }
  var parts: [LabelPart] = []
  for first in isOpen.indices where isOpen[first] {
    let voxels = takePart(from: first, &isOpen, extent)
    if !voxels.contains(where: { other[$0] == label }) { parts.append(LabelPart(extent: extent, voxels: voxels)) }
  }
  return parts
}

/// The voxels connected with `first`, which are no longer open afterwards.
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
