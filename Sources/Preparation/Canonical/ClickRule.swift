// Where to click next, as the foundation model was trained: in what the last prediction got wrong (uni-medical/SAM-Med3D,
// utils/click_method.py).
// Arrays are cubes of `side`³ voxels, row-major.

import Tensors
import Volumes

/// A place in a cube, and whether it belongs to the target.
public struct Click: Sendable, Equatable {
  public var voxel: [Int]
  public var isPositive: Bool

  public init(voxel: [Int], isPositive: Bool) { (self.voxel, self.isPositive) = (voxel, isPositive) }
}

public enum ClickRule: Sendable {
  /// Deep inside the error, missed or invented, that reaches deepest: one of the voxels more than half as far from its edge as
  /// the deepest.
  case distance
  /// Anywhere in the errors.
  case random

  /// - Returns: nil where the prediction is right everywhere.
  public func click(target: [Bool], prediction: [Bool], side: Int, key: RandomKey) -> Click? {
    let missed = target.indices.filter { target[$0] && !prediction[$0] }
    let invented = target.indices.filter { !target[$0] && prediction[$0] }
    var candidates = missed + invented
    guard !candidates.isEmpty else { return nil }
    if case .distance = self {
      let depths = [missed, invented].map { squaredDepths($0, side: side) }
      let deepest = depths.map { $0.max() ?? 0 }
      let chosen = deepest[0] >= deepest[1] ? 0 : 1
      candidates = zip([missed, invented][chosen], depths[chosen]).filter { $0.1 > deepest[chosen] / 4 }.map(\.0)
    }
    let index = candidates[key.integer(0, below: candidates.count)]
    return Click(voxel: [index / (side * side), index / side % side, index % side], isPositive: target[index])
  }
}

/// The squared distance of each voxel of a region to the nearest voxel outside it; what lies beyond the cube is outside.
private func squaredDepths(_ region: [Int], side: Int) -> [Double] {
  guard !region.isEmpty else { return [] }
  let places = region.map { [$0 / (side * side), $0 / side % side, $0 % side] }
  // A box one voxel wider than the region holds the nearest outside voxel of each.
  let lower = (0..<3).map { axis in places.map { $0[axis] }.min()! - 1 }
  let upper = (0..<3).map { axis in places.map { $0[axis] }.max()! + 1 }
  let box = Extent(upper[0] - lower[0] + 1, upper[1] - lower[1] + 1, upper[2] - lower[2] + 1)
  let inside = places.map { box.index($0[0] - lower[0], $0[1] - lower[1], $0[2] - lower[2]) }
  var isOutside = [Bool](repeating: true, count: box.count)
  for voxel in inside { isOutside[voxel] = false }
  let distances = squaredDistances(to: isOutside.indices.filter { isOutside[$0] }, extent: box, spacing: Spacing(1, 1, 1))
  return inside.map { distances[$0] }
}
