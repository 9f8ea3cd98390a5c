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
  /// Normalised surface Dice: the share of the voxels of both surfaces that lie within the tolerance of the other surface; 1 when both maps are empty, 0 when
  /// one is. Surfaces are voxels, as in MONAI's `compute_surface_dice`, not areas (Nikolov et al., arXiv:1809.04430).
  public var surfaceDice: Double
  /// Mean distance from the prediction's surface to the reference's; nil when either is empty.
  public var averageSurfaceDistance: Double?
  /// Mean distance from the reference's surface to the prediction's; nil when either is empty.
  public var reverseAverageSurfaceDistance: Double?
  /// The mean of both directions' means; nil when either is empty.
  public var averageSymmetricSurfaceDistance: Double? {
    averageSurfaceDistance.flatMap { forward in reverseAverageSurfaceDistance.map { (forward + $0) / 2 } }
  }
  /// 95th percentile of the distances of both directions together; nil when either is empty.
  public var hausdorff95: Double?
  /// The largest distance of both directions; nil when either is empty.
  public var hausdorff: Double?
  public var predictionVoxels: Int
  public var referenceVoxels: Int
  public var bothVoxels: Int
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
///   - tolerance: of the surface Dice, in the unit of `spacing`.
public func score(
  prediction: [UInt8], reference: [UInt8], extent: Extent, spacing: Spacing, label: UInt8, tolerance: Double = 1
) -> CaseScore {
  LabelComparison(prediction: prediction, reference: reference, extent: extent)
    .score(label, spacing: spacing, tolerance: tolerance)
}

/// Dice of `label` alone, for validation while a network trains; nil when neither map has the label.
/// - Parameters: prediction and reference, the same number of voxels.
public func dice(prediction: [UInt8], reference: [UInt8], label: UInt8) -> Double? {
  dice(prediction: prediction, reference: reference, labels: [Int(label)])
}

/// Dice of the voxels that have one of several labels; nil when neither map has any.
/// - Parameter ignored: the reference's label of voxels that do not count.
public func dice(prediction: [UInt8], reference: [UInt8], labels: [Int], ignored: UInt8? = nil) -> Double? {
  let found = overlap(prediction: prediction, reference: reference, labels: labels, ignored: ignored)
  return found.predicted + found.actual == 0 ? nil : 2 * Double(found.both) / Double(found.predicted + found.actual)
}

/// How many voxels have one of several labels: in the prediction, in the reference, in both.
/// - Parameter ignored: the reference's label of voxels that do not count.
public func overlap(
  prediction: [UInt8], reference: [UInt8], labels: [Int], ignored: UInt8? = nil
) -> (predicted: Int, actual: Int, both: Int) {
  guard prediction.count == reference.count else {
    fatalError(
      "overlap: a prediction of \(prediction.count) and a reference of \(reference.count) voxels; bring them to one grid first")
  }
  var (predicted, actual, both) = (0, 0, 0), isIn = [Bool](repeating: false, count: 256)
  for label in labels { isIn[label] = true }
  prediction.withUnsafeBufferPointer { prediction in
    reference.withUnsafeBufferPointer { reference in
      for voxel in 0..<prediction.count {
        if reference[voxel] == ignored { continue }
        let (isPredicted, isTrue) = (isIn[Int(prediction[voxel])], isIn[Int(reference[voxel])])
        predicted += isPredicted ? 1 : 0
        actual += isTrue ? 1 : 0
        both += isPredicted && isTrue ? 1 : 0
      }
    }
  }
  return (predicted, actual, both)
}
