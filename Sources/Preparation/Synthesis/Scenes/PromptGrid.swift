// Masks on the coarse grid on which a promptable network takes and gives them, and clicks in a mask (shared/spec/relif.md 1.4, 1.8, 1.9).
// Arrays [N, N, N], coarse ones [N/f, N/f, N/f].

import Foundation
import Tensors
import Volumes

/// The mean over each cell of `factor` voxels along every axis.
public func averagePooled(_ values: [Float], side: Int, factor: Int) -> [Float] {
  let coarse = side / factor
  var result = [Float](repeating: 0, count: coarse * coarse * coarse)
  for d in 0..<side {
    for h in 0..<side {
      let from = (d * side + h) * side, to = (d / factor * coarse + h / factor) * coarse
      for w in 0..<side { result[to + w / factor] += values[from + w] }
    }
  }
  let share = 1 / Float(factor * factor * factor)
  return result.map { $0 * share }
}

/// log(p / (1 - p)) between ±limit.
public func clippedLogit(_ p: Float, limit: Float) -> Float { max(-limit, min(limit, log(max(p, 1e-12) / max(1 - p, 1e-12)))) }

/// A part of the coarse grid: what a crop of the volume covers.
public struct PromptBox: Sendable {
  /// Cells along the three axes.
  public let cells: [Range<Int>]

  /// All of it.
  public init(side: Int) { cells = [Range<Int>](repeating: 0..<side, count: 3) }

  /// A random part: 40 to 100 % of each axis.
  public init(side: Int, _ key: RandomKey) {
    var draw = RandomDraws(key)
    cells = (0..<3).map { _ in
      let length = Int((draw.uniform(0.4...1) * Float(side)).rounded(.up)), start = draw.integer(0...(side - length))
      return start..<(start + length)
    }
  }

  private init(cells: [Range<Int>]) { self.cells = cells }

  /// The same part of a grid that is `factor` times finer.
  public func refined(by factor: Int) -> PromptBox {
    PromptBox(cells: cells.map { factor * $0.lowerBound..<factor * $0.upperBound })
  }

  /// Sets to 0 what lies outside.
  public func clear<Value: Numeric>(_ values: inout [Value], side: Int) {
    for d in 0..<side {
      for h in 0..<side {
        for w in 0..<side where !(cells[0].contains(d) && cells[1].contains(h) && cells[2].contains(w)) {
          values[(d * side + h) * side + w] = 0
        }
      }
    }
  }
}

/// Where a user would click next.
public struct SceneClick: Hashable, Sendable {
  /// Voxel along the three axes.
  public let voxel: SIMD3<Int>
  /// Whether the voxel belongs to the target.
  public let isPositive: Bool

  /// By the distance rule (1.9): in the larger of the two kinds of error, deep inside. Nil where the prediction is right everywhere.
  /// - Parameter prediction: the mask so far; nil before the first click.
  public init?(target: [UInt8], prediction: [UInt8]?, side: Int, _ key: RandomKey) {
    let extent = Extent(side, side, side)
    let missed = prediction.map { zip(target, $0).map { $0 > $1 ? 1 : 0 } } ?? target
    let wrong = prediction.map { zip(target, $0).map { $1 > $0 ? 1 : 0 } } ?? [UInt8](repeating: 0, count: target.count)
    let depths = [missed, wrong].map { errors in errors.contains(1) ? signedDistance(errors, extent: extent) : [-1] }
    let deepest = depths.map { $0.max()! }, kind = deepest[1] > deepest[0] ? 1 : 0
    guard deepest[kind] > 0 else { return nil }
    let candidates = depths[kind].indices.filter { depths[kind][$0] > deepest[kind] / 2 }
    let place = candidates[key.integer(0, below: candidates.count)]
    voxel = SIMD3(place / (side * side), place / side % side, place % side)
    isPositive = kind == 0
  }
}
