// The order in which the axes of a volume are handed out where it is not D, H, W of the canonical orientation: plans of nnU-Net put the axis of the
// coarsest spacing first, and most of its readers keep the order of the file.

/// The axes that the three axes of an array are.
public struct AxisOrder: Sendable, Codable, Hashable {
  /// What the axes are counted in.
  public enum Start: String, Sendable, Codable, CaseIterable {
    /// D, H, W, whatever the order of the file (nnU-Net's reader NibabelIOWithReorient).
    case canonical
    /// z, y, x of the file (nnU-Net's other readers of NIfTI).
    case file
  }

  public var start: Start
  /// For each axis of the array the one that it is, 0, 1 or 2: a permutation.
  public var transpose: [Int]

  public init(start: Start, transpose: [Int] = [0, 1, 2]) { (self.start, self.transpose) = (start, transpose) }
}

extension FileGrid {
  /// The same grid whose voxels are read and written with their axes in another order. Each axis still runs to the patient's right, to anterior or
  /// to superior.
  public func ordered(_ order: AxisOrder) -> FileGrid {
    let axes = order.transpose.map { axis in
      order.start == .canonical ? canonicalOrder.fileAxis[axis] : 2 - axis
    }
    return with(fileAxis: axes)
  }

  /// The same grid with its voxels in canonical order, D, H, W.
  public var canonical: FileGrid { with(fileAxis: canonicalOrder.fileAxis) }

  /// Whether the voxels are in canonical order.
  public var isCanonical: Bool { fileAxis == canonicalOrder.fileAxis }

  /// Labels [D, H, W] that are in the canonical order, in the order of this grid.
  public func reordered(fromCanonical labels: [UInt8]) -> [UInt8] { Self.reorder(labels, from: canonical, to: self) }

  /// Values in the order of this grid, in the canonical order [D, H, W].
  public func canonicalOrder<Value>(of values: [Value]) -> [Value] { Self.reorder(values, from: self, to: canonical) }

  private static func reorder<Value>(_ values: [Value], from: FileGrid, to: FileGrid) -> [Value] {
    guard from.fileAxis != to.fileAxis, let any = values.first else { return values }
    // Every voxel is written, so what the array begins with does not stay.
    return VoxelOrder(to).gather(VoxelOrder(from).scatter(values, filling: any))
  }
}
