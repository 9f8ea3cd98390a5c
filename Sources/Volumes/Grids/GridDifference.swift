// How two grids that should be the same differ, compared in canonical orientation: which differences are slips of a header that leave the
// voxels in place, and which would put them elsewhere.

import Foundation

/// How two grids that should be the same differ.
public struct GridDifference: Sendable, CustomStringConvertible {
  public enum Kind: Sendable { case shape, spacing, direction, flip, origin }

  public let kind: Kind
  /// What differs and by how much, as a clause to be put after two file names.
  public let description: String
  /// Whether only the origins differ, by a few voxels: the voxels still belong together, and one header has slipped (nnU-Net accepts such pairs).
  public let isSlight: Bool

  fileprivate init(_ kind: Kind, _ description: String, isSlight: Bool = false) {
    (self.kind, self.description, self.isSlight) = (kind, description, isSlight)
  }
}

/// The most serious difference of two grids in canonical orientation, or nil when they are the same.
///
/// Shape must be equal, spacing to 1 part in 1000, directions to 0.1 degrees, the origin to a twentieth of the smallest spacing.
public func sameGrid(_ a: FileGrid, _ b: FileGrid) -> GridDifference? {
  let (a, b) = (a.canonical, b.canonical)
  if a.extent != b.extent {
    return GridDifference(.shape, "have different shapes, \(a.extent) and \(b.extent) voxels")
  }
  for axis in 0..<3 where abs(a.spacing[axis] - b.spacing[axis]) > 1e-3 * a.spacing[axis] {
    return GridDifference(.spacing, "have different spacings, \(a.spacing) and \(b.spacing)")
  }
  for axis in 0..<3 {
    let (u, v) = (a.direction(axis), b.direction(axis))
    let degrees = atan2(length(cross(u, v)), dot(u, v)) * 180 / .pi
    if degrees > 0.1 {
      let name = ["depth", "height", "width"][axis]
      return GridDifference(.direction, "have \(name) axes that differ by about \(inDigits(degrees)) degrees in direction")
    }
  }
  return differenceOfOrigins(a, b)
}

/// How the origins of two grids differ whose shapes, spacings and directions agree.
private func differenceOfOrigins(_ a: FileGrid, _ b: FileGrid) -> GridDifference? {
  let offset = zip(a.origin, b.origin).map { $0 - $1 }, distance = length(offset)
  guard distance > 0.05 * min(a.spacing.depth, a.spacing.height, a.spacing.width) else { return nil }
  let shift = (0..<3).map { abs(dot(offset, a.direction($0))) / a.spacing[$0] }
  let flips = (0..<3).filter { isFlip(shift[$0], count: a.extent[$0], isOpposed: a.flipped[$0] != b.flipped[$0]) }
  let isKnown = a.isOriented && b.isOriented
  let note = isKnown ? "" : "(of which one stores no orientation and was read as LPS) "
  guard flips.isEmpty else {
    let names = flips.map { axis in
      "\(["bottom to top", "back to front", "left to right"][axis]) (the \(["x", "y", "z"][a.fileAxis[axis]]) axis of the first)"
    }
    return GridDifference(.flip, "\(note)are flipped against each other from \(names.joined(separator: " and from "))")
  }
  let voxels = shift.map { inDigits(($0 * 10).rounded() / 10) }.joined(separator: ", ")
  let place = "\(note)have origins \(inDigits(distance)) mm apart (\(voxels) voxels along depth, height, width)"
  return GridDifference(.origin, place, isSlight: shift.allSatisfy { $0 <= 5 } || !isKnown)
}

/// Whether a shift of the origin along an axis of `count` voxels is that of an axis stored the other way round: it goes to the axis's other end,
/// or it is large and the files' axes run in opposite directions (`isOpposed`).
private func isFlip(_ shift: Double, count: Int, isOpposed: Bool) -> Bool {
  let isFar = shift > 5, isEnd = abs(shift - Double(count - 1)) <= 0.5
  return count > 1 && shift > 0.5 && (isOpposed ? isFar || isEnd : isFar && isEnd)
}
