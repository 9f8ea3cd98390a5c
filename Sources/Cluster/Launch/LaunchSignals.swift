// Signals of the launcher: USR1, TERM and INT reach the ranks as USR1, since mpirun would kill them a second after a TERM of its
// own; whoever asks a second time by TERM or INT is in a hurry. A stop is repeated: mpirun passes it on to the ranks that it has, which may not
// be up yet, and to those that know it already it does nothing.

import Foundation

/// Takes signals one by one from the main thread's queue instead of in a handler.
package final class LaunchSignals {
  package private(set) var isStopping = false
  private var awaited = sigset_t()
  private var sentAt = -Double.infinity
  /// Seconds between repetitions.
  private static let interval = 1.0

  package init() {
    sigemptyset(&awaited)
    for number in [SIGUSR1, SIGTERM, SIGINT, SIGCHLD] { sigaddset(&awaited, number) }
    pthread_sigmask(SIG_BLOCK, &awaited, nil)
  }

  /// Waits for a signal, at most `seconds`.
  /// - Returns: what to send to mpirun; nil for nothing.
  package func next(seconds: Double) -> Int32? {
    var limit = timespec(tv_sec: Int(seconds), tv_nsec: Int(seconds.truncatingRemainder(dividingBy: 1) * 1e9))
    let number = sigtimedwait(&awaited, nil, &limit)
    guard [SIGUSR1, SIGTERM, SIGINT].contains(number) else {
      guard isStopping, steadySeconds() - sentAt >= Self.interval else { return nil }
      sentAt = steadySeconds()
      return SIGUSR1
    }
    let isHasty = isStopping && number != SIGUSR1
    (isStopping, sentAt) = (true, steadySeconds())
    return isHasty ? SIGTERM : SIGUSR1
  }

  /// Waits `seconds`, or until somebody asks to stop.
  func rest(seconds: Double) {
    let end = steadySeconds() + seconds
    while steadySeconds() < end, !isStopping { _ = next(seconds: max(0.01, end - steadySeconds())) }
  }
}
