// When the next checkpoint is due: rank 0 asks by its own clock, the control word makes it everyone's decision. Saving changes nothing that a run
// computes, so results do not depend on the clock.

/// Rank 0's view of when to save. Times are seconds of any clock that only goes forward.
public struct CheckpointInterval: Sendable {
  /// Every so many steps; 0: not by steps.
  public let steps: Int
  /// The greatest time between saves, seconds; 0: not by time.
  public let seconds: Double
  /// The largest share of the time that saving may take; 0: any. Intervals grow to keep below it.
  public let overhead: Double
  /// The time at which the last save ended, and what it took, seconds.
  private var end: Double
  private var cost = 0.0

  public init(steps: Int, seconds: Double, overhead: Double, now: Double) {
    (self.steps, self.seconds, self.overhead, end) = (steps, seconds, overhead, now)
  }

  /// Whether to save after `step` steps.
  public func isDue(afterStep step: Int, now: Double) -> Bool {
    let passed = now - end
    // cost / (cost + passed) is the share that saving now would make the last save have.
    guard overhead == 0 || passed * overhead >= cost * (1 - overhead) else { return false }
    return (steps > 0 && step % steps == 0) || (seconds > 0 && passed >= seconds)
  }

  /// Records a save, or the attempt at one, that took `seconds` and ended at `now`.
  public mutating func recordSave(seconds: Double, now: Double) { (cost, end) = (seconds, now) }
}
