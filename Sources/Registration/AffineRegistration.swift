// Affine registration: of many starts on the coarsest grid the best are refined, first by shift, rotation and scale, then by all twelve
// numbers, and the winner goes on to finer grids. The measure is the squared correlation of the intensities, so that neither brightness nor
// contrast, nor which of two tissues is brighter, matters.

import Kernels
import Volumes

struct AffineRegistration {
  private static let starts = 6

  let fixed: [Level]
  let moving: [Level]

  /// The map under which both images correlate best, and their squared correlation, 0...1.
  func best() -> (map: AffineMap, correlation: Double) {
    let top = min(fixed.count, moving.count) - 1, coarse = AffineFit(fixed[top], moving[top])
    var found = starts(coarse).map { coarse.climb($0, basis: Self.similar, steps: 15) }.map {
      coarse.climb($0, basis: Self.all, steps: 15)
    }
    found.sort { coarse.value($0) > coarse.value($1) }
    var map = found[0]
    // The finest grid adds nothing that the deformation would not find.
    for level in stride(from: top - 1, through: 1, by: -1) {
      map = AffineFit(fixed[level], moving[level]).climb(map, basis: Self.all, steps: 12)
    }
    let last = min(1, top)
    return (map, AffineFit(fixed[last], moving[last]).value(map))
  }

  /// The best of shifts and scales, unlike each other, with the middles upon each other among them.
  private func starts(_ fit: AffineFit) -> [AffineMap] {
    let reach = (fit.fixed.frame.size + fit.moving.frame.size) / 2, span = min(reach.min() / 3, 40)
    var shifts = [fit.moving.centreOfMass - fit.fixed.centreOfMass]
    for d in -2...2 { for h in -2...2 { for w in -2...2 { shifts.append(SIMD3(Double(d), Double(h), Double(w)) * span / 2) } } }
    let maps = shifts.flatMap { shift in [1, 0.85, 1.18].map { AffineMap(scale: $0, shift: shift) } }
    let ranked = maps.map { ($0, fit.value($0)) }.sorted { $0.1 > $1.1 }
    var chosen = [AffineMap()]
    for (map, _) in ranked where chosen.count < Self.starts {
      if chosen.allSatisfy({ (($0.shift - map.shift) * ($0.shift - map.shift)).sum().squareRoot() > span / 3 }) {
        chosen.append(map)
      }
    }
    return chosen
  }

  /// Directions in which a map may change: its nine columns' numbers (relative to the volume's size), then its shift.
  private static let all: [[Double]] = (0..<12).map { index in (0..<12).map { $0 == index ? 1 : 0 } }
  /// Shifts, rotations, and a common scale.
  private static let similar: [[Double]] = {
    func direction(_ entries: [Int: Double]) -> [Double] { (0..<12).map { entries[$0] ?? 0 } }
    return (9..<12).map { direction([$0: 1]) }
      + [direction([1: 1, 3: -1]), direction([2: 1, 6: -1]), direction([5: 1, 7: -1]), direction([0: 1, 4: 1, 8: 1])]
  }()
}

extension Level {
  /// The centre of what is brighter than the mean, mm from the middle.
  var centreOfMass: SIMD3<Double> {
    var sum = SIMD3<Double>.zero, weight = 0.0, voxel = 0
    for d in 0..<frame.extent.depth {
      for h in 0..<frame.extent.height {
        for w in 0..<frame.extent.width {
          let value = max(0, Double(image.values[voxel * 4]))
          sum += value * SIMD3(Double(d), Double(h), Double(w))
          weight += value
          voxel += 1
        }
      }
    }
    return weight > 0 ? (sum / weight - frame.middle) * frame.spacing : .zero
  }
}
