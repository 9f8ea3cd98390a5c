// The rules that images, labels and scores share when their grid changes (MIC-DKFZ/nnUNet,
// nnunetv2/preprocessing/resampling/default_resampling.py), and the bounds within which grids may change.

import Files
import Volumes

/// The extent of a volume after a change of spacing (both in mm): spacing / target · extent, rounded half to even, at least 1.
public func resampledExtent(_ extent: Extent, spacing: Spacing, target: Spacing) -> Extent {
  var result = extent
  for axis in 0..<3 {
    result[axis] = max(1, Int((spacing[axis] / target[axis] * Double(extent[axis])).rounded(.toNearestOrEven)))
  }
  return result
}

/// The extent of a volume of the file `path` at the target spacing (mm). Errors: a change of spacing that no scan needs, such as comes from a wrong
/// unit; more voxels than are sensible or fit the memory.
func preparedExtent(
  _ extent: Extent, grid: FileGrid, channels: Int, target: Spacing, path: String
) throws(PreparationError) -> Extent {
  let ratios = (0..<3).map { grid.spacing[$0] / target[$0] }
  guard ratios.allSatisfy({ (0.01...100).contains($0) }) else {
    throw PreparationError(
      "\(path) has voxels of \(grid.spacing) (its header gives lengths in \(grid.header.unitName)), more than 100 times larger or smaller than "
        + "the \(target) of prepared arrays: correct its unit or voxel size, or prepare the data with another --spacing.")
  }
  let voxels = (0..<3).map { (ratios[$0] * Double(extent[$0])).rounded(.up) }.reduce(1, *)
  let refusal = "\(path), \(extent) voxels of \(grid.spacing), cannot be resampled to \(target)"
  guard voxels <= Double(1 << 31) else {
    throw PreparationError("\(refusal), it would have \(Int(voxels)) voxels: prepare the data with a coarser --spacing.")
  }
  // A channel before and after, all channels together, one of them and the label again.
  let bytes = 4 * extent.count + (8 * channels + 1) * Int(voxels)
  if let shortage = FreeMemory.shortage(of: bytes, for: "the resampled case") {
    throw PreparationError(
      "\(refusal), \(shortage): prepare the data with a coarser --spacing, or use a machine with more memory.")
  }
  let result = resampledExtent(extent, spacing: grid.spacing, target: target)
  guard (0..<3).filter({ extent[$0] > 1 && result[$0] == 1 }).count < 2 else {
    throw PreparationError(
      "\(refusal), only \(result) voxels would be left: prepare the data with a finer --spacing, or remove the case.")
  }
  return result
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

/// The same, rounded after each step as scipy.ndimage.zoom does, on which nnU-Net's label of a voxel just between two depends.
private func roundedCoordinate(_ output: Int, count: Int, outputCount: Int) -> Double {
  (Double(output) + 0.5) * (Double(count) / Double(outputCount)) - 0.5
}

/// The two source voxels to blend for each output voxel of an axis, and the share of the upper one.
package struct LinearTaps {
  package private(set) var lower: [Int] = []
  package private(set) var upper: [Int] = []
  package private(set) var upperShare: [Double] = []

  /// Linear interpolation with the edge repeated outwards; with `nearest` the closest voxel alone, halves up.
  /// - Parameter exact: whether halves are exact, or rounded as scipy does.
  package init(count: Int, outputCount: Int, nearest: Bool, exact: Bool = true) {
    let place = exact ? sourceCoordinate : roundedCoordinate
    for output in 0..<outputCount {
      let coordinate = max(0, min(Double(count - 1), place(output, count, outputCount)))
      let base = nearest ? min(count - 1, (2 * output + 1) * count / (2 * outputCount)) : Int(coordinate)
      lower.append(base)
      upper.append(nearest ? base : min(base + 1, count - 1))
      upperShare.append(nearest ? 0 : coordinate - Double(base))
    }
  }

  /// The taps of all three axes for a change of grid; a separate axis takes the nearest slice.
  static func all(from: Extent, spacing: Spacing, to: Extent, newSpacing: Spacing, exact: Bool = true) -> [LinearTaps] {
    let separate = separateAxis(spacing, newSpacing)
    return (0..<3).map { LinearTaps(count: from[$0], outputCount: to[$0], nearest: $0 == separate, exact: exact) }
  }
}
