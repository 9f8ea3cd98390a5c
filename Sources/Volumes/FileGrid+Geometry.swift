// The geometry of a file's grid: its affine, its canonical orientation, and how two grids differ.
// File axes are x (fastest), y, z; canonical axes are D, H, W as in Volume.swift. Affines are row-major 4x4, voxel to RAS+ millimetres.

import Foundation

extension FileGrid {
  /// The voxel-to-world matrix that counts: sform when it has a code, else qform, else the pixel dimensions (millimetres, row-major 4x4).
  public var affine: [Double] {
    if sformCode > 0 { return sform }
    if qformCode > 0 { return qform }
    return [pixelDimensions[0], 0, 0, 0, 0, pixelDimensions[1], 0, 0, 0, 0, pixelDimensions[2], 0, 0, 0, 0, 1]
  }

  /// Voxels along the canonical axes D, H, W.
  public var extent: Extent { Extent(dimensions[fileAxis[0]], dimensions[fileAxis[1]], dimensions[fileAxis[2]]) }

  /// Millimetres along the canonical axes D, H, W: the stored pixel dimension, or the length of the affine's column where the two disagree.
  public var spacing: Spacing {
    let lengths = fileAxis.map { axis in
      let column = length(affineColumn(axis))
      let stored = pixelDimensions[axis]
      return abs(column - stored) <= 1e-4 * stored ? stored : column
    }
    return Spacing(lengths[0], lengths[1], lengths[2])
  }

  /// The unit vector of canonical axis `axis` (0 = D, 1 = H, 2 = W) in RAS+ world coordinates.
  public func direction(_ axis: Int) -> [Double] {
    let column = affineColumn(fileAxis[axis])
    let scale = (flipped[axis] ? -1 : 1) / length(column)
    return column.map { $0 * scale }
  }

  /// World coordinates of the first canonical voxel, RAS+ millimetres.
  public var origin: [Double] {
    var position = affineColumn(3)
    for axis in 0..<3 where flipped[axis] {
      let column = affineColumn(fileAxis[axis])
      for row in 0..<3 { position[row] += column[row] * Double(dimensions[fileAxis[axis]] - 1) }
    }
    return position
  }

  private func affineColumn(_ column: Int) -> [Double] {
    let matrix = affine
    return [matrix[column], matrix[4 + column], matrix[8 + column]]
  }

  private func length(_ vector: [Double]) -> Double {
    (vector[0] * vector[0] + vector[1] * vector[1] + vector[2] * vector[2]).squareRoot()
  }
}

/// How two grids that should be the same differ.
public struct GridDifference: Sendable, CustomStringConvertible {
  public enum Kind: Sendable { case shape, spacing, direction, origin }

  public let kind: Kind
  /// What differs and by how much, as a clause to be put after two file names.
  public let description: String
}

/// The most serious difference of two grids in canonical orientation, or nil when they are the same.
///
/// Shape must be equal, spacing to 1 part in 1000, directions to 0.1 degrees, the origin to a twentieth of the smallest spacing.
public func sameGrid(_ a: FileGrid, _ b: FileGrid) -> GridDifference? {
  if a.extent != b.extent {
    return GridDifference(kind: .shape, description: "have different shapes, \(a.extent) and \(b.extent) voxels")
  }
  for axis in 0..<3 where abs(a.spacing[axis] - b.spacing[axis]) > 1e-3 * a.spacing[axis] {
    return GridDifference(kind: .spacing, description: "have different spacings, \(a.spacing) and \(b.spacing)")
  }
  for axis in 0..<3 {
    let (u, v) = (a.direction(axis), b.direction(axis))
    let sine = length(of: cross(u, v))
    let cosine = u[0] * v[0] + u[1] * v[1] + u[2] * v[2]
    let degrees = atan2(sine, cosine) * 180 / .pi
    if degrees > 0.1 {
      let name = ["depth", "height", "width"][axis]
      return GridDifference(
        kind: .direction, description: "have \(name) axes that differ by about \(rounded(degrees)) degrees in direction")
    }
  }
  let offset = zip(a.origin, b.origin).map { $0 - $1 }
  let distance = length(of: offset)
  if distance > 0.05 * min(a.spacing.depth, a.spacing.height, a.spacing.width) {
    return GridDifference(kind: .origin, description: "have origins \(rounded(distance)) mm apart")
  }
  return nil
}

private func cross(_ u: [Double], _ v: [Double]) -> [Double] {
  [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]]
}

private func length(of vector: [Double]) -> Double {
  (vector[0] * vector[0] + vector[1] * vector[1] + vector[2] * vector[2]).squareRoot()
}

private func rounded(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }
