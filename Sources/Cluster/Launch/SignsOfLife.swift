// Whether the ranks on the launcher's own machine still run. Ranks that all stand still cannot report each other; their flight files, in which the
// watch of each writes the time every second, show it.

import Foundation

/// What the launcher has seen of the ranks of one start.
package struct SignsOfLife {
  /// The times in the flight files when they last changed, and when that was, by the launcher's clock.
  private var signs: [Double] = []
  private var changedAt: Double

  package init(at now: Double) { changedAt = now }

  /// How long all of them have been silent, seconds; 0 where one is at its end, or where somebody has stopped one: that is a pause.
  /// - Parameters:
  ///   - flights: the flights of this start's ranks on this machine.
  ///   - graceEnd: silence counts from then on, after a pause of the launcher itself.
  package mutating func silence(
    of flights: [FlightLog], at now: Double, graceEnd: Double = -.infinity, isStopped: (pid_t) -> Bool
  ) -> Double {
    let latest = flights.map(\.header.aliveAt)
    if latest != signs || flights.contains(where: { $0.isDone || isStopped($0.header.process) }) { changedAt = now }
    signs = latest
    return max(0, now - max(changedAt, graceEnd))
  }
}
