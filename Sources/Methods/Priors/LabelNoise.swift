// Damage to label maps that is the same every time: for the oracle, and for the calibration of priors. Arrays [D, H, W] of class
// numbers.

import Preparation
import Tensors

/// A label map to be damaged.
public struct LabelNoise {
  public private(set) var label: [UInt8]
  /// D, H, W.
  private let sides: [Int]

  /// - Parameter sides: D, H, W.
  public init(_ label: [UInt8], sides: [Int]) { (self.label, self.sides) = (label, sides) }

  /// Grows a class into the background, or shrinks it, by so many voxels across faces.
  public mutating func grow(_ k: UInt8, by voxels: Int) {
    for _ in 0..<abs(voxels) { growOnce(voxels > 0 ? k : 0, into: voxels > 0 ? 0 : k) }
  }

  /// Voxels of `yielding` that touch one of another class become `winner`, if they touch that; an eroded class gives way to
  /// background wherever it ends.
  private mutating func growOnce(_ winner: UInt8, into yielding: UInt8) {
    let old = label, steps = [sides[1] * sides[2], sides[2], 1]
    old.withUnsafeBufferPointer { old in
      label.withUnsafeMutableBufferPointer { new in
        for index in old.indices where old[index] == yielding {
          let place = [index / steps[0], index / steps[1] % sides[1], index % sides[2]]
          for axis in 0..<3 {
            let before = place[axis] > 0 ? old[index - steps[axis]] : yielding
            let after = place[axis] < sides[axis] - 1 ? old[index + steps[axis]] : yielding
            let meets = winner == 0 ? before != yielding || after != yielding : before == winner || after == winner
            if meets { new[index] = winner }
          }
        }
      }
    }
  }

  /// Moves everything along D, H, W; what comes from outside is background.
  public mutating func shift(by offset: [Int]) {
    let old = label
    for d in 0..<sides[0] {
      for h in 0..<sides[1] {
        for w in 0..<sides[2] {
          let from = [d - offset[0], h - offset[1], w - offset[2]]
          let isInside = (0..<3).allSatisfy { from[$0] >= 0 && from[$0] < sides[$0] }
          label[(d * sides[1] + h) * sides[2] + w] = isInside ? old[(from[0] * sides[1] + from[1]) * sides[2] + from[2]] : 0
        }
      }
    }
  }

  /// Turns a share of all blocks of 4x4x4 voxels over: foreground becomes background and background a class.
  public mutating func flipBlocks(share: Double, classes: Int, key: RandomKey) {
    let blocks = sides.map { ($0 + 3) / 4 }
    for index in label.indices {
      let (d, h, w) = (index / (sides[1] * sides[2]), index / sides[2] % sides[1], index % sides[2])
      let block = UInt64((d / 4 * blocks[1] + h / 4) * blocks[2] + w / 4)
      guard key.uniform(2 * block) < share else { continue }
      label[index] = label[index] == 0 ? UInt8(1 + key.integer(2 * block + 1, below: classes - 1)) : 0
    }
  }
}
