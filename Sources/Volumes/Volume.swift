// A scan in memory: voxels in canonical orientation, their spacing, and all that is needed to write a prediction back to the grid of the file.
// Axes: D depth, H height, W width in voxels; row-major, W fastest. Canonical orientation is RAS+: W grows to the patient's right,
// H to anterior, D to superior (closest axes; permutation and flips only, so no voxel value changes).

import Foundation

/// The number of voxels along each axis.
public struct Extent: Hashable, Sendable, Codable, CustomStringConvertible {
  public var depth, height, width: Int

  public init(_ depth: Int, _ height: Int, _ width: Int) { (self.depth, self.height, self.width) = (depth, height, width) }

  public var count: Int { depth * height * width }
  public var description: String { "\(depth)x\(height)x\(width)" }

  /// Axis 0 is depth, 1 height, 2 width.
  public subscript(axis: Int) -> Int {
    get { axis == 0 ? depth : axis == 1 ? height : width }
    set { if axis == 0 { depth = newValue } else if axis == 1 { height = newValue } else { width = newValue } }
  }

  /// The row-major index of voxel (d, h, w).
  @inlinable public func index(_ d: Int, _ h: Int, _ w: Int) -> Int { (d * height + h) * width + w }
}

/// The distance between voxel centres along each axis, in millimetres.
public struct Spacing: Hashable, Sendable, Codable, CustomStringConvertible {
  public var depth, height, width: Double

  public init(_ depth: Double, _ height: Double, _ width: Double) {
    (self.depth, self.height, self.width) = (depth, height, width)
  }

  public var description: String { "\(inDigits(depth))x\(inDigits(height))x\(inDigits(width)) mm" }

  public subscript(axis: Int) -> Double {
    get { axis == 0 ? depth : axis == 1 ? height : width }
    set { if axis == 0 { depth = newValue } else if axis == 1 { height = newValue } else { width = newValue } }
  }
}

/// A scan or a label map: one value for each voxel.
public struct Volume: Sendable {
  public var extent: Extent
  public var spacing: Spacing
  /// `extent.count` values, row-major [D, H, W].
  public var voxels: [Float]
  /// The grid of the file, verbatim: what `write` restores.
  public var grid: FileGrid

  public init(extent: Extent, spacing: Spacing, voxels: [Float], grid: FileGrid) {
    (self.extent, self.spacing, self.voxels, self.grid) = (extent, spacing, voxels, grid)
  }
}

/// A number for people, five digits of it: headers hold 1.37 in 32 bits, as 1.3700000047683716.
func inDigits(_ value: Double) -> String { "\(Double(String(format: "%.5g", value)) ?? value)" }
