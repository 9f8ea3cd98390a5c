// What nnU-Net derives from the size of a patch before it augments: whether it is turned in its slices alone, how far, how much around it is
// read, and where that may begin in a volume (MIC-DKFZ/nnUNet v2.8.1, nnunetv2/training/nnUNetTrainer/nnUNetTrainer.py and
// nnunetv2/training/dataloading/data_loader.py; MIC-DKFZ/batchgenerators, get_patch_size). Axes: 0 depth, 1 height, 2 width, in voxels.

import Foundation
import Volumes

/// A patch and the larger one from which it is turned and scaled.
public struct AugmentedPatch: Sendable, Equatable {
  /// What the network sees.
  public let patch: Extent
  /// Whether slices are turned in their plane only: where they are a third as many as the longest side, or a single one.
  public let turnsInPlane: Bool
  /// The largest angle about each axis, radians; the smallest is its negative.
  public let largestAngle: Double
  /// What is read of the volume where the patch is turned or scaled.
  public let enlarged: Extent

  /// The smallest share of its size to which a patch is made ready to shrink.
  private static let smallestScale = 0.85

  /// - Parameter isTurned: if not, nothing is read around the patch.
  public init(_ patch: Extent, isTurned: Bool = true) {
    let isSlice = patch.depth == 1, sides = [patch.height, patch.width]
    let longest = max(patch.depth, patch.height, patch.width), isLong = Double(sides.max()!) / Double(sides.min()!) > 1.5
    self.patch = patch
    turnsInPlane = isSlice || Double(longest) / Double(patch.depth) > 3
    let isTurnedRound = isSlice ? !isLong : turnsInPlane
    largestAngle = isTurnedRound ? .pi : (isSlice ? 15 : 30) * .pi / 180
    enlarged =
      isTurned ? Self.enlarged(patch, angle: min(.pi / 2, largestAngle), isSlice: isSlice, keepsDepth: turnsInPlane) : patch
  }

  /// A patch with what is read around it, as a plan may have it.
  package init(_ patch: Extent, enlarged: Extent) {
    let found = AugmentedPatch(patch)
    (self.patch, self.enlarged, turnsInPlane, largestAngle) = (patch, enlarged, found.turnsInPlane, found.largestAngle)
  }

  /// The patch's diagonal turned about one axis at a time, by the largest angle.
  private static func enlarged(_ patch: Extent, angle: Double, isSlice: Bool, keepsDepth: Bool) -> Extent {
    let side = (0..<3).map { Double(patch[$0]) }, (c, s) = (cos(angle), sin(angle))
    var reach = side
    // Turning from axis `one` towards axis `other` gives the first the sum and the second the difference.
    for (one, other) in isSlice ? [(1, 2)] : [(1, 2), (2, 0), (0, 1)] {
      reach[one] = max(reach[one], abs(side[one] * c + side[other] * s))
      reach[other] = max(reach[other], abs(side[other] * c - side[one] * s))
    }
    let sizes = reach.map { Int($0 / smallestScale) }
    return Extent(keepsDepth ? patch.depth : sizes[0], sizes[1], sizes[2])
  }

  /// From the first voxel of the enlarged patch to that of the patch in its middle.
  package var margin: [Int] { (0..<3).map { enlarged[$0] / 2 - patch[$0] / 2 } }

  /// The first and the last start of the enlarged patch along each axis of a volume; it may reach beyond by half of what it is larger.
  public func starts(in volume: Extent) -> [ClosedRange<Int>] {
    (0..<3).map { axis in
      let room = max(enlarged[axis] - patch[axis], enlarged[axis] - volume[axis])
      return -((room + 1) / 2)...volume[axis] + room / 2 + room % 2 - enlarged[axis]
    }
  }

  /// The start of the enlarged patch around a voxel: not before the first start, and with no last one.
  public func start(around voxel: [Int], in volume: Extent) -> [Int] {
    zip(starts(in: volume), voxel).enumerated().map { axis, place in max(place.0.lowerBound, place.1 - enlarged[axis] / 2) }
  }
}
