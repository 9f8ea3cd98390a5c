// Masks on the coarse grid on which a promptable network takes and gives them, and clicks in a mask (uni-medical/SAM-Med3D,
// train.py and utils/click_method.py).
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

/// The place where a user would click next.
public struct SceneClick: Hashable, Sendable {
  /// Voxel along the three axes.
  public let voxel: SIMD3<Int>
  /// Whether the voxel belongs to the target.
  public let isPositive: Bool

  /// By the distance rule: in the larger of the two kinds of error, deep inside. Nil where the prediction is right everywhere.
  /// - Parameter prediction: the mask so far; nil before the first click.
  public init?(target: [UInt8], prediction: [UInt8]?, side: Int, _ key: RandomKey) {
    let missed = prediction.map { zip(target, $0).map { $0 > $1 ? 1 : 0 } } ?? target
    let wrong = prediction.map { zip(target, $0).map { UInt8($1 > $0 ? 1 : 0) } }
    let depths = [ErrorDepth(missed, side: side), wrong.flatMap { ErrorDepth($0, side: side) }]
    guard let chosen = depths.compactMap({ $0 }).max(by: { $0.deepest < $1.deepest }) else { return nil }
    voxel = chosen.voxel(key)
    isPositive = chosen.deepest == depths[0]?.deepest
  }
}

/// How deep inside a region of errors each of its voxels lies.
private struct ErrorDepth {
  let deepest: Float
  private let box: [Range<Int>]
  private let depth: [Float]

  /// Measures how deep voxels lie inside the errors; nil without errors.
  init?(_ errors: [UInt8], side: Int) {
    guard errors.contains(1) else { return nil }
    let whole = Extent(side, side, side)
    box = labelBox(errors, whole, margin: [0, 0, 0])
    depth = signedDistance(cropped(errors, whole, to: box), extent: Extent(box[0].count, box[1].count, box[2].count))
    deepest = depth.max()!
  }

  /// One of the voxels that are more than half as deep as the deepest.
  func voxel(_ key: RandomKey) -> SIMD3<Int> {
    let candidates = depth.indices.filter { depth[$0] > deepest / 2 }
    let place = candidates[key.integer(0, below: candidates.count)], plane = box[1].count * box[2].count
    return SIMD3(place / plane, place / box[2].count % box[1].count, place % box[2].count)
      &+ SIMD3(box[0].lowerBound, box[1].lowerBound, box[2].lowerBound)
  }
}
