// Where a rank's time goes in a step: the three numbers that tell who is slow and why (shared/spec/distributed.md 1.5, 4.9).

/// Seconds of one rank in one step.
public struct RankSeconds: Sendable, Equatable {
  /// Reading and cutting volumes.
  public var load = 0.0
  /// Forward and backward of all lanes, with everything around them.
  public var compute = 0.0
  /// In the gradient average, and the control word before it: for other ranks, and for messages that nothing hides.
  public var wait = 0.0

  public init(load: Double = 0, compute: Double = 0, wait: Double = 0) {
    (self.load, self.compute, self.wait) = (load, compute, wait)
  }

  /// What the rank did itself.
  public var work: Double { load + compute }

  /// The numbers in the order in which they travel in the control word.
  static let count = 3
  var values: [Double] { [load, compute, wait] }
  init(values: ArraySlice<Double>) {
    let first = values.startIndex
    self.init(load: values[first], compute: values[first + 1], wait: values[first + 2])
  }
}
