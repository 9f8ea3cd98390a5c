// The rules that images, labels and scores share when their grid changes (MIC-DKFZ/nnUNet,
// nnunetv2/preprocessing/resampling/default_resampling.py).

import Volumes

/// The extent of a volume after a change of spacing (both in mm): spacing / target · extent, rounded half to even, at least 1.
public func resampledExtent(_ extent: Extent, spacing: Spacing, target: Spacing) -> Extent {
  var result = extent
  for axis in 0..<3 {
    result[axis] = max(1, Int((spacing[axis] / target[axis] * Double(extent[axis])).rounded(.toNearestOrEven)))
  }
  return result
}

/// About how many voxels a volume has after a change of spacing (both in mm), however many that are.
func resampledCount(_ extent: Extent, spacing: Spacing, target: Spacing) -> Double {
  (0..<3).reduce(1) { $0 * max(1, spacing[$1] / target[$1] * Double(extent[$1])) }
}

/// The axis along which voxels are so much longer (more than three times) that slices must not be blended: the single longest axis of the
/// current spacing, else of the new one; nil if neither is that anisotropic or two axes share the largest spacing.
package func separateAxis(_ spacing: Spacing, _ newSpacing: Spacing) -> Int? {
  for candidate in [spacing, newSpacing] {
    let sides = (0..<3).map { candidate[$0] }
    let (smallest, largest) = (sides.min()!, sides.max()!)
    guard largest > 3 * smallest else { continue }
    let longest = (0..<3).filter { sides[$0] == largest }
    return longest.count == 1 ? longest[0] : nil
  }
  return nil
}

/// The source coordinate of an output voxel: (o + 1/2)·n / m - 1/2. One division, so that halves are exact.
func sourceCoordinate(_ output: Int, count: Int, outputCount: Int) -> Double {
  Double((2 * output + 1) * count) / Double(2 * outputCount) - 0.5
}

/// The two source voxels to blend for each output voxel of an axis, and the share of the upper one.
package struct LinearTaps {
  package private(set) var lower: [Int] = []
  package private(set) var upper: [Int] = []
  package private(set) var upperShare: [Double] = []

  /// Linear interpolation with the edge repeated outwards; with `nearest` the closest voxel alone, halves up.
  package init(count: Int, outputCount: Int, nearest: Bool) {
    for output in 0..<outputCount {
      let coordinate = max(0, min(Double(count - 1), sourceCoordinate(output, count: count, outputCount: outputCount)))
      let base = nearest ? min(count - 1, (2 * output + 1) * count / (2 * outputCount)) : Int(coordinate)
      lower.append(base)
      upper.append(nearest ? base : min(base + 1, count - 1))
      upperShare.append(nearest ? 0 : coordinate - Double(base))
    }
  }

  /// The taps of all three axes for a change of grid; a separate axis takes the nearest slice.
  static func all(from: Extent, spacing: Spacing, to: Extent, newSpacing: Spacing) -> [LinearTaps] {
    let separate = separateAxis(spacing, newSpacing)
    return (0..<3).map { LinearTaps(count: from[$0], outputCount: to[$0], nearest: $0 == separate) }
  }
}
