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
  return connectedParts(of: labels.map { $0 == label }, extent: extent)
    .filter { voxels in !voxels.contains { other[$0] == label } }
    .map { LabelPart(extent: extent, voxels: $0) }
}
