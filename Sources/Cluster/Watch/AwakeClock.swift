// Time as a process lives it: a clock that stands still while the process does, because its job is suspended, its terminal has stopped it or its
// machine is frozen. Such time says nothing about how long an operation takes, nor about how long others have been silent.

import Synchronization

/// A steady clock less the pauses of this process.
///
/// One thread, its keeper, reads it at least once a second: a longer gap between two readings is a pause, which whoever reads first after it finds.
package final class AwakeClock: Sendable {
  private struct State {
    var last: Double
    var paused = 0.0
    var graceEnd = -Double.infinity
  }
  private let steady: @Sendable () -> Double
  private let state: Mutex<State>

  /// A gap of so many seconds is a pause; all of it but the second in which the clock need not have been read.
  static let shortestGap = 2.0
  static let readingSeconds = 1.0
  /// The longest grace after a pause, seconds.
  package static let longestGrace = 120.0

  /// - Parameter steady: the seconds of a clock that goes on during a pause.
  package init(steady: @escaping @Sendable () -> Double = steadySeconds) {
    self.steady = steady
    state = Mutex(State(last: steady()))
  }

  /// The time, seconds.
  package var seconds: Double { read { _, now in now } }

  /// The end of the grace after the last pause, by this clock: the processes of a job are not all continued at the same moment, and whoever is
  /// first awake must not blame the others. A grace is as long as its pause, two minutes at most.
  package var graceEnd: Double { read { state, _ in state.graceEnd } }

  private func read<Value: Sendable>(_ body: (State, Double) -> Value) -> Value {
    state.withLock { state in
      let now = steady(), gap = now - state.last
      state.last = now
      if gap > Self.shortestGap {
        let pause = gap - Self.readingSeconds
        state.paused += pause
        state.graceEnd = now - state.paused + min(pause, Self.longestGrace)
      }
      return body(state, now - state.paused)
    }
  }
}
