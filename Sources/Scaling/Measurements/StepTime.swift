// Where the time of a step went, in parts that add up to it.

/// The time of one step of all ranks together, seconds.
public struct StepTime: Codable, Sendable, Equatable {
  /// The time from the step's first batch to the end of its update, on rank 0's clock; the sum of the parts below.
  public var wall: Double
  /// Networks, losses, backward pass and update: the mean over the ranks.
  public var compute: Double
  /// What the slowest rank worked longer than the mean: the others waited for it.
  public var wait: Double
  /// Averaging and control word, as far as no computation hid them.
  public var exposed: Double
  /// Waiting for data or for a checkpoint to be written.
  public var input: Double

  /// - Parameters:
  ///   - mean, slowest: the work of a rank on its lanes, loading included.
  ///   - update: of the weights, after averaging.
  ///   - loading: the part of the work in which data were waited for.
  ///   - saving: of a checkpoint.
  public init(wall: Double, mean: Double, slowest: Double, update: Double, loading: Double, saving: Double = 0) {
    let loading = min(loading, mean)
    compute = mean - loading + update
    wait = slowest - mean
    exposed = max(0, wall - slowest - update - saving)
    input = loading + saving
    self.wall = compute + wait + exposed + input
  }

  /// From parts that are known.
  init(compute: Double, wait: Double, exposed: Double, input: Double) {
    (self.compute, self.wait, self.exposed, self.input) = (compute, wait, exposed, input)
    wall = compute + wait + exposed + input
  }

  /// A line of kind `step` in metrics.jsonl; nil if it lacks the times.
  public init?(metrics line: [String: Double]) {
    guard let wall = line["wallSeconds"], let slowest = line["computeSeconds"], let mean = line["meanComputeSeconds"] else {
      return nil
    }
    self.init(
      wall: wall, mean: mean, slowest: slowest, update: line["updateSeconds"] ?? 0, loading: line["loadSeconds"] ?? 0)
  }

  /// The same where every clock ran `factor` times as fast (time dilation; Gupta et al., NSDI 2006).
  package func divided(by factor: Double) -> StepTime {
    var time = self
    for part in [\StepTime.wall, \.compute, \.wait, \.exposed, \.input] { time[keyPath: part] /= factor }
    return time
  }
}
