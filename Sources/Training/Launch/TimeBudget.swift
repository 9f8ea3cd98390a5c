// The time that a run has, by the clock of rank 0: it stops and saves before the end, also where nobody sends a signal.
// Only when it stops depends on the clock; what it computes does not.

import Foundation

/// The time at which a run must have saved, and how long the parts of a step have taken, so that it begins in time. Rank 0 asks and
/// decides.
public struct TimeBudget {
  /// What a step may contain besides its own work.
  package enum Part: Sendable { case save, validation }

  /// What the launcher and the batch script need after the save, seconds.
  package static let exitSeconds: Double = 5

  /// Seconds since 1970; nil for a run that may take as long as it likes.
  private let end: Double?
  private let now: () -> Double
  private var longest: [Part: Double] = [:]
  private var longestStep = 0.0
  private var lastAsked: Double?
  /// Seconds of measured parts since `lastAsked`.
  private var partsSinceAsked = 0.0

  /// - Parameters:
  ///   - end: seconds since 1970 until which the last save must be done.
  ///   - now: the clock, seconds since 1970.
  public init(until end: Double? = nil, now: @escaping () -> Double = { Date().timeIntervalSince1970 }) {
    (self.end, self.now) = (end, now)
  }

  /// A budget of so many seconds from now; without it, until the end of the Slurm job, where Slurm or the batch script says when
  /// that is.
  public init(seconds: Double?, environment: [String: String] = ProcessInfo.processInfo.environment) {
    let now = Date().timeIntervalSince1970
    self.init(until: seconds.map { now + $0 } ?? environment["SLURM_JOB_END_TIME"].flatMap(Double.init))
  }

  /// Seconds that must be left: until the next question a save, a validation and a step may pass; then the same once more, with
  /// twice the time of the longest save.
  package var margin: Double {
    Self.exitSeconds + 3 * (longest[.save] ?? 0) + 2 * (longest[.validation] ?? 0) + 2 * longestStep
  }

  /// Seconds until the end; nil without one.
  package var remaining: Double? { end.map { $0 - now() } }

  /// Whether the run must stop after this step. Ask once in each step.
  package mutating func isUp() -> Bool {
    let asked = now()
    if let lastAsked { longestStep = max(longestStep, asked - lastAsked - partsSinceAsked) }
    (lastAsked, partsSinceAsked) = (asked, 0)
    return remaining.map { $0 < margin } ?? false
  }

  /// Records how long a part of a step took.
  package mutating func record(_ part: Part, seconds: Double) {
    longest[part] = max(longest[part] ?? 0, seconds)
    partsSinceAsked += seconds
  }

  /// How the decision to stop came about, for people.
  var explanation: String {
    "\(clockTime(max(0, remaining ?? 0))) of the time budget are left, and \(clockTime(margin)) are needed to save safely"
      + (longest[.save].map { " (a save takes \($0.formatted(decimals: 1)) s)" } ?? "")
  }

  /// Seconds of a text such as `5400`, `90s`, `45m` or `3h50m`; nil for anything else.
  public static func seconds(_ text: String) -> Double? {
    if let plain = Double(text), plain > 0, plain.isFinite { return plain }
    guard let match = text.wholeMatch(of: /(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,9})s)?/) else { return nil }
    let parts = [(match.1, 86400.0), (match.2, 3600), (match.3, 60), (match.4, 1)]
    let sum = parts.reduce(0) { $0 + ($1.0.flatMap { Double($0) } ?? 0) * $1.1 }
    return sum > 0 ? sum : nil
  }
}
