// Two label maps of one case held against each other: which labels occur, how far they overlap and where they lie, found in one pass over the
// voxels however many labels there are. Arrays [D, H, W].

import Volumes

/// A predicted label map beside its reference.
public struct LabelComparison {
  let prediction, reference: [UInt8]
  let extent: Extent
  /// What occurs in either map, by label; background is left out.
  private let overlaps: [UInt8: LabelOverlap]

  /// - Parameters: prediction and reference [D, H, W] = `extent`.
  public init(prediction: [UInt8], reference: [UInt8], extent: Extent) {
    guard prediction.count == extent.count, reference.count == extent.count else {
      fatalError(
        "LabelComparison: a prediction of \(prediction.count) and a reference of \(reference.count) voxels do not have the extent \(extent); bring them to one grid first"
      )
    }
    (self.prediction, self.reference, self.extent) = (prediction, reference, extent)
    overlaps = labelOverlaps(prediction, reference, extent)
  }

  /// The labels above 0 that occur in either map, sorted.
  public var labels: [UInt8] { overlaps.keys.sorted() }

  /// Bytes that the distances of the label that lies most spread out take at once: eight for each voxel of the box around it, and half as much again
  /// for its surface.
  public var distanceBytes: Int {
    12 * (overlaps.values.filter { $0.prediction > 0 && $0.reference > 0 }.map { $0.box.extent.count }.max() ?? 0)
  }

  /// How many voxels have a label: in the prediction, in the reference, in both.
  public func counts(of label: UInt8) -> (prediction: Int, reference: Int, both: Int) {
    let found = overlaps[label] ?? LabelOverlap()
    return (found.prediction, found.reference, found.both)
  }

  /// How well a label was segmented.
  /// - Parameters:
  ///   - spacing: millimetres, order D, H, W; 1, 1, 1 gives distances in voxels.
  ///   - tolerance: of the surface Dice, in the unit of `spacing`.
  public func score(_ label: UInt8, spacing: Spacing, tolerance: Double = 1) -> CaseScore {
    let found = overlaps[label] ?? LabelOverlap(), sum = found.prediction + found.reference
    let edges = (0..<3).map { Double(extent[$0]) * spacing[$0] }
    var result = CaseScore(
      dice: sum == 0 ? 1 : 2 * Double(found.both) / Double(sum),
      jaccard: sum == 0 ? 1 : Double(found.both) / Double(sum - found.both), surfaceDice: sum == 0 ? 1 : 0,
      predictionVoxels: found.prediction, referenceVoxels: found.reference, bothVoxels: found.both,
      diagonal: (edges[0] * edges[0] + edges[1] * edges[1] + edges[2] * edges[2]).squareRoot())
    if result.isEmpty { return result }
    // All surface voxels lie in the box, so distances within it are exact and a small organ in a large scan costs little.
    let predicted = surface(of: prediction, label: label, extent: extent, box: found.box)
    let truth = surface(of: reference, label: label, extent: extent, box: found.box)
    let forward = distances(from: predicted, to: truth, extent: found.box.extent, spacing: spacing)
    let backward = distances(from: truth, to: predicted, extent: found.box.extent, spacing: spacing)
    result.surfaceDice =
      Double((forward + backward).count { $0 <= tolerance }) / Double(forward.count + backward.count)
    result.averageSurfaceDistance = forward.reduce(0, +) / Double(forward.count)
    result.reverseAverageSurfaceDistance = backward.reduce(0, +) / Double(backward.count)
    result.hausdorff95 = percentile(0.95, of: forward + backward)
    result.hausdorff = max(forward.max()!, backward.max()!)
    return result
  }
}

/// How often a label occurs in both of two maps, and the box around it in both.
private struct LabelOverlap {
  var prediction = 0, reference = 0, both = 0
  var box = LabelBox()
}

/// The overlap of every label above 0 that occurs in either map.
private func labelOverlaps(_ prediction: [UInt8], _ reference: [UInt8], _ extent: Extent) -> [UInt8: LabelOverlap] {
  var overlaps = [LabelOverlap](repeating: LabelOverlap(), count: 256)
  prediction.withUnsafeBufferPointer { prediction in
    reference.withUnsafeBufferPointer { reference in
      overlaps.withUnsafeMutableBufferPointer { overlaps in
        var voxel = 0
        for d in 0..<extent.depth {
          for h in 0..<extent.height {
            for w in 0..<extent.width {
              let (p, g) = (Int(prediction[voxel]), Int(reference[voxel]))
              voxel += 1
              if p | g == 0 { continue }
              if p > 0 {
                overlaps[p].prediction += 1
                overlaps[p].box.include(d, h, w)
              }
              if g > 0 {
                overlaps[g].reference += 1
                if p == g { overlaps[g].both += 1 } else { overlaps[g].box.include(d, h, w) }
              }
            }
          }
        }
      }
    }
  }
  let found = overlaps.enumerated().filter { $0.element.prediction + $0.element.reference > 0 }
  return Dictionary(uniqueKeysWithValues: found.map { (UInt8($0.offset), $0.element) })
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
