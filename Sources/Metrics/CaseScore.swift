// How well one label of one case was segmented: overlap and surface distances, defined as in medpy (loli/medpy,
// medpy/metric/binary.py) and the published benchmarks: the surface distance is directed, and 95HD is the percentile of both
// directions pooled.

import Volumes

/// Scores of one label in one case. Distances are in the unit of the spacing that was given: millimetres, or voxels for a spacing of 1.
public struct CaseScore: Codable, Hashable, Sendable {
  /// 2|P∩G| / (|P|+|G|); 1 when both are empty.
  public var dice: Double
  /// |P∩G| / |P∪G|; 1 when both are empty.
  public var jaccard: Double
  /// Mean distance from the prediction's surface to the reference's; nil when either is empty.
  public var averageSurfaceDistance: Double?
  /// Mean distance from the reference's surface to the prediction's; nil when either is empty.
  public var reverseAverageSurfaceDistance: Double?
  /// 95th percentile of the distances of both directions together; nil when either is empty.
  public var hausdorff95: Double?
  public var predictionVoxels: Int
  public var referenceVoxels: Int
  /// The diagonal of the whole array, the distance that `EmptyPolicy.diagonal` charges.
  public var diagonal: Double

  /// Whether surface distances are undefined because prediction, reference or both are empty.
  public var isEmpty: Bool { predictionVoxels == 0 || referenceVoxels == 0 }
}

/// Scores `label` in a predicted label map against the reference.
///
/// - Parameters:
///   - prediction, reference: [D, H, W] = `extent`.
///   - spacing: millimetres, order D, H, W; 1, 1, 1 gives distances in voxels.
public func score(prediction: [UInt8], reference: [UInt8], extent: Extent, spacing: Spacing, label: UInt8) -> CaseScore {
  guard prediction.count == extent.count, reference.count == extent.count else {
    fatalError(
      "score: a prediction of \(prediction.count) and a reference of \(reference.count) voxels do not have the extent \(extent); bring them to one grid first"
    )
  }
  let (counts, box) = overlap(prediction, reference, extent: extent, label: label)
  let sum = counts.prediction + counts.reference
  let edges = (0..<3).map { Double(extent[$0]) * spacing[$0] }
  var result = CaseScore(
    dice: sum == 0 ? 1 : 2 * Double(counts.both) / Double(sum),
    jaccard: sum == 0 ? 1 : Double(counts.both) / Double(sum - counts.both),
    predictionVoxels: counts.prediction, referenceVoxels: counts.reference,
    diagonal: (edges[0] * edges[0] + edges[1] * edges[1] + edges[2] * edges[2]).squareRoot())
  if result.isEmpty { return result }
  // All surface voxels lie in the box, so distances within it are exact and a small organ in a large scan costs little.
  let predicted = surface(of: prediction, label: label, extent: extent, box: box)
  let truth = surface(of: reference, label: label, extent: extent, box: box)
  let forward = distances(from: predicted, to: truth, extent: box.extent, spacing: spacing)
  let backward = distances(from: truth, to: predicted, extent: box.extent, spacing: spacing)
  result.averageSurfaceDistance = forward.reduce(0, +) / Double(forward.count)
  result.reverseAverageSurfaceDistance = backward.reduce(0, +) / Double(backward.count)
  result.hausdorff95 = percentile(0.95, of: forward + backward)
  return result
}

/// Dice of `label` alone, for validation while a network trains; nil when neither map has the label.
/// - Parameters: prediction and reference [D, H, W] = `extent`.
public func dice(prediction: [UInt8], reference: [UInt8], extent: Extent, label: UInt8) -> Double? {
  let (counts, _) = overlap(prediction, reference, extent: extent, label: label)
  let sum = counts.prediction + counts.reference
  return sum == 0 ? nil : 2 * Double(counts.both) / Double(sum)
}

private func overlap(
  _ prediction: [UInt8], _ reference: [UInt8], extent: Extent, label: UInt8
) -> (counts: (prediction: Int, reference: Int, both: Int), box: LabelBox) {
  var box = LabelBox()
  var counts = (prediction: 0, reference: 0, both: 0)
  prediction.withUnsafeBufferPointer { prediction in
    reference.withUnsafeBufferPointer { reference in
      for d in 0..<extent.depth {
        for h in 0..<extent.height {
          let row = extent.index(d, h, 0)..<extent.index(d, h, 0) + extent.width
          let (p, g) = (UnsafeBufferPointer(rebasing: prediction[row]), UnsafeBufferPointer(rebasing: reference[row]))
          let found = (box.include(p, label: label, d: d, h: h), box.include(g, label: label, d: d, h: h))
          counts.prediction += found.0
          counts.reference += found.1
          if found.0 > 0 && found.1 > 0 {
            for w in 0..<p.count { counts.both += p[w] == label && g[w] == label ? 1 : 0 }
          }
        }
      }
    }
  }
  return (counts, box)
}

/// The distance of each surface voxel in `from` to the nearest one in `to`.
private func distances(from: [Int], to: [Int], extent: Extent, spacing: Spacing) -> [Double] {
  let squared = squaredDistances(to: to, extent: extent, spacing: spacing)
  return from.map { squared[$0].squareRoot() }
}

/// The value at rank `fraction`·(n−1) of the sorted values, linear between neighbours.
func percentile(_ fraction: Double, of values: [Double]) -> Double {
  let sorted = values.sorted()
  let rank = fraction * Double(sorted.count - 1)
  let below = Int(rank)
  let above = min(below + 1, sorted.count - 1)
  return sorted[below] + (sorted[above] - sorted[below]) * (rank - Double(below))
}
