// Volumes as arrays of HDF5 files, as UA-MT and SSL4MIS keep them: `image` and `label`, three axes, no spacing and no orientation. What the files do
// not tell is told by `ArrayGeometry`: which axis of the array is which, and how far apart voxels are.

import Files
import Foundation
import HDF5
import Volumes

/// What the arrays of a data set mean.
public struct ArrayGeometry: Sendable {
  /// Millimetres along D, H, W.
  public var spacing: Spacing
  /// For z, y and x the axis of the array that it is, 0 the slowest. x runs to the patient's left, y to posterior, z to superior, as in most files.
  let axes: [Int]

  /// - Parameter order: the letters x, y and z in the order of the array's axes, such as xyz (nibabel, pynrrd) or zyx (SimpleITK).
  /// Error: other letters.
  public init(order: String, spacing: Spacing) throws(PreparationError) {
    let letters = Array(order.lowercased()), axes = ["z", "y", "x"].compactMap { letters.firstIndex(of: $0) }
    guard letters.count == 3, axes.count == 3 else {
      throw PreparationError(
        "--axes \(order) is no order of axes: write the letters x, y and z in the order of the arrays, as xyz or zyx.")
    }
    self.init(axes: axes, spacing: spacing)
  }

  init(axes: [Int], spacing: Spacing) { (self.axes, self.spacing) = (axes, spacing) }

  /// Axes x, y, z.
  static func xyz(_ spacing: Spacing) -> ArrayGeometry { ArrayGeometry(axes: [2, 1, 0], spacing: spacing) }
}

/// One array of a file.
struct StoredArray {
  let path: String
  /// The data set inside the file.
  let name: String
  /// Voxels along the axes of the array.
  let dimensions: [Int]
  let geometry: ArrayGeometry

  var extent: Extent { Extent(dimensions[geometry.axes[0]], dimensions[geometry.axes[1]], dimensions[geometry.axes[2]]) }
  var spacing: Spacing { geometry.spacing }

  var grid: FileGrid {
    FileGrid(
      dimensions: [extent.width, extent.height, extent.depth],
      affine: [-spacing.width, 0, 0, 0, 0, -spacing.height, 0, 0, 0, 0, spacing.depth, 0])
  }

  /// Voxels [D, H, W] in canonical orientation. Errors: no memory for them, a damaged file, voxels that are not finite.
  func voxels() throws(PreparationError) -> [Float] {
    if let shortage = FreeMemory.shortage(of: 8 * extent.count, for: "the array \(name)") {
      throw PreparationError("\(path) cannot be read, \(shortage): use a machine with more memory.")
    }
    let stored: [Float] = try readingArrays(path) { (file) throws(H5Error) in try file.read(name, extent: dimensions) }
    guard stored.allSatisfy(\.isFinite) else {
      throw PreparationError("\(path) holds voxels of \(name) that are NaN or infinite: write the file again without them.")
    }
    return canonical(stored)
  }

  private func canonical(_ stored: [Float]) -> [Float] {
    let strides = [dimensions[1] * dimensions[2], dimensions[2], 1], extent = extent
    let (up, back, left) = (strides[geometry.axes[0]], strides[geometry.axes[1]], strides[geometry.axes[2]])
    var voxels: [Float] = []
    voxels.reserveCapacity(extent.count)
    for d in 0..<extent.depth {
      for h in 0..<extent.height {
        let row = d * up + (extent.height - 1 - h) * back
        for w in 0..<extent.width { voxels.append(stored[row + (extent.width - 1 - w) * left]) }
      }
    }
    return voxels
  }
}

/// The image and the label of a file: whichever of the data sets `image` and `label` it has.
/// Errors: no HDF5 file, no image, arrays of other than three axes.
func arrays(of path: String, _ geometry: ArrayGeometry) throws(PreparationError) -> (image: StoredArray, label: StoredArray?) {
  func array(_ name: String) throws(PreparationError) -> StoredArray? {
    let dimensions = try readingArrays(path) { (file) throws(H5Error) -> [Int]? in
      try file.contains(name) ? try file.extent(of: name) : nil
    }
    guard let dimensions else { return nil }
    guard dimensions.count == 3, dimensions.allSatisfy({ $0 > 0 }), dimensions.map(Double.init).reduce(1, *) < 1e12 else {
      throw PreparationError(
        "\(path) has the data set \(name) of \(sizes(dimensions)) values, and three axes are needed: write each volume as an array of three axes."
      )
    }
    return StoredArray(path: path, name: name, dimensions: dimensions, geometry: geometry)
  }
  guard let image = try array("image") else {
    throw PreparationError(
      "\(path) has no data set image: these files hold image and, for labelled cases, label; rename what it holds, or remove it.")
  }
  return (image, try array("label"))
}

/// Refuses an array whose axes lie as those of another order of the same axes do, where most of the others lie otherwise.
func refuseOtherOrders(_ arrays: [StoredArray]) throws(PreparationError) {
  guard arrays.count > 2 else { return }
  let usual = (0..<3).map { axis in arrays.map { $0.dimensions[axis] }.sorted()[arrays.count / 2] }
  /// How far sizes are from the usual ones: the sum of the logarithms of their ratios.
  func distance(_ sizes: [Int]) -> Double { zip(sizes, usual).map { abs(log(Double($0) / Double($1))) }.reduce(0, +) }
  let others = [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]
  let isUsual = 2 * arrays.count { $0.dimensions == usual } > arrays.count
  // Sizes that fit in another order, each within some tenths, and are off by half in their own; or just those of most others, in another order.
  let turned = arrays.filter { array in
    let best = others.map { order in distance(order.map { array.dimensions[$0] }) }.min()!, own = distance(array.dimensions)
    return best < 0.35 && own > best + 0.4 || isUsual && best == 0 && own > 0
  }
  guard turned.isEmpty else {
    throw PreparationError(
      asLines(
        turned.map {
          "\($0.path) has \(sizes($0.dimensions)) voxels where its siblings have about \(sizes(usual)), so its axes seem to be in another order: write it again in theirs, or remove it."
        }, heading: "\(turned.count) files have another order of axes than the others:"))
  }
}

private func sizes(_ dimensions: [Int]) -> String { dimensions.map(String.init).joined(separator: "x") }

private func readingArrays<Result>(
  _ path: String, _ body: (borrowing File) throws(H5Error) -> Result
) throws(PreparationError) -> Result {
  do throws(H5Error) { return try File.open(path).closing(body) } catch { throw PreparationError(error.description) }
}
