// Quarter turns and flips of whole canvases, image and label together (ShumengLI/SFR, option `rdmrotflip`).
// Axes: S side of the canvas, C channels; row-major, C fastest.

import Tensors
import Volumes

/// Quarter turns of a canvas, followed by a flip.
public struct CanvasTurn: Sendable, Equatable {
  /// Each takes the last column to the first row.
  public var quarterTurns: Int
  /// What is mirrored: 0 the rows, top to bottom; 1 the columns, left to right; nil nothing.
  public var flippedAxis: Int?

  public init(quarterTurns: Int, flippedAxis: Int?) { (self.quarterTurns, self.flippedAxis) = (quarterTurns, flippedAxis) }

  /// A random one. With a flip in every case, as published, the result is always one of four mirror images; 0.5 reaches the four turns as well.
  public init(key: RandomKey, flipProbability: Double = 1) {
    quarterTurns = key.integer(0, below: 4)
    flippedAxis = key.uniform(1) < flipProbability ? key.integer(2, below: 2) : nil
  }

  /// The canvas [S, S, C], turned, then flipped.
  public func apply(_ canvas: [Float], side: Int, channels: Int = 1) -> [Float] {
    permuted(canvas, side, channels, [PatchPermutation(quarterTurns: quarterTurns, flips: flips)])
  }

  /// The labels [S, S], turned, then flipped.
  public func apply(labels: [UInt8], side: Int) -> [UInt8] {
    permuted(labels, side, 1, [PatchPermutation(quarterTurns: quarterTurns, flips: flips)])
  }

  /// The canvas [S, S, K] as it was before `apply`.
  public func undo(_ canvas: [Float], side: Int, channels: Int = 1) -> [Float] { permuted(canvas, side, channels, inverse) }

  /// The labels [S, S] as they were before `apply`.
  public func undo(labels: [UInt8], side: Int) -> [UInt8] { permuted(labels, side, 1, inverse) }

  private var flips: [Int] { flippedAxis.map { [$0 + 1] } ?? [] }

  /// The flip undone first, then the turns.
  private var inverse: [PatchPermutation] {
    [PatchPermutation(quarterTurns: 0, flips: flips), PatchPermutation(quarterTurns: (4 - quarterTurns % 4) % 4, flips: [])]
  }

  private func permuted<Value: BitwiseCopyable>(
    _ canvas: [Value], _ side: Int, _ channels: Int, _ permutations: [PatchPermutation]
  ) -> [Value] {
    guard canvas.count == side * side * channels else {
      fatalError("canvas: \(canvas.count) values are not \(side)x\(side) with \(channels) channels; pass a whole canvas")
    }
    return permutations.reduce(canvas) { $1.apply($0, extent: Extent(1, side, side), channels: channels) }
  }
}
