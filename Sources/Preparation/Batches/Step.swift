// Where in its run a batch is drawn.

/// One optimiser step, the same on every rank.
public struct Step: Sendable {
  /// t, from 0.
  public let index: Int
  /// T, the number of steps of the stage.
  public let total: Int
  public let seed: UInt64

  public init(index: Int, total: Int, seed: UInt64) { (self.index, self.total, self.seed) = (index, total, seed) }

  /// t / T.
  public var progress: Double { Double(index) / Double(total) }
}
