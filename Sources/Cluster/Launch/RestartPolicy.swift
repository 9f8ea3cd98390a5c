// Whether a run that ended is started again: which ends are final, how long to rest, when to give up, which machines to leave out.

import Foundation

/// How one start of a run ended.
public struct Attempt: Sendable {
  /// The launcher's exit code; 128 and the number of a signal.
  public let code: Int32
  /// The step of the newest checkpoint before and after; 0 for none.
  public let stepBefore: Int
  public let stepAfter: Int
  /// The incident that counts, if one was left.
  public let incident: Incident?

  public init(code: Int32, stepBefore: Int, stepAfter: Int, incident: Incident?) {
    (self.code, self.stepBefore, self.stepAfter, self.incident) = (code, stepBefore, stepAfter, incident)
  }

  /// Whether starting again may help. mpirun's own code is only a hint: the incident decides.
  var mayBeRepeated: Bool {
    let code = incident?.exitCode ?? code
    return [ExitCode.rankLost.rawValue, ExitCode.hang.rawValue].contains(code) || code > 128
  }
}

/// Decides from all attempts so far.
public struct RestartPolicy: Sendable {
  public enum Decision: Equatable, Sendable {
    case end(code: Int32, reason: String)
    case restart(afterSeconds: Int)
  }
  /// How many restarts there may be.
  public let retries: Int
  private var attempts: [Attempt] = []

  /// Starts in a row that may add no checkpoint, and failures at one step.
  static let patience = 3
  static let longestRest = 60

  public init(retries: Int) { self.retries = retries }

  /// What to do after one more attempt.
  /// - Parameter isStopping: somebody asked the launch to stop.
  public mutating func decide(after attempt: Attempt, isStopping: Bool) -> Decision {
    attempts.append(attempt)
    guard attempt.mayBeRepeated else { return .end(code: attempt.incident?.exitCode ?? attempt.code, reason: "") }
    let code = attempt.incident?.exitCode ?? ExitCode.rankLost.rawValue
    // The stop found a rank that had no handler yet: nothing was lost.
    if isStopping, attempt.incident == nil, attempt.code == 128 + SIGUSR1 {
      return .end(code: ExitCode.requeue.rawValue, reason: "")
    }
    if isStopping { return .end(code: code, reason: "it failed while it was being stopped") }
    if let step = attempt.incident?.step, step > 0 {
      let failures = attempts.filter { $0.incident?.step == step }.count
      if failures >= Self.patience { return fatal("step \(step) has failed \(failures) times") }
    }
    let fruitless = attempts.reversed().prefix { $0.stepAfter <= $0.stepBefore }.count
    if fruitless >= Self.patience { return fatal("\(fruitless) starts in a row have added no checkpoint") }
    guard attempts.count <= retries else { return .end(code: code, reason: "it was started again \(retries) times already") }
    return .restart(afterSeconds: min(1 << min(attempts.count - 1, 6), Self.longestRest))
  }

  private func fatal(_ reason: String) -> Decision {
    .end(
      code: ExitCode.fatal.rawValue, reason: "\(reason): the cause is in the data, the run file or the program, not in a machine")
  }

  /// Machines that were named in two failures or more, by what they call themselves.
  public var badHosts: Set<String> {
    var failures: [String: Int] = [:]
    for attempt in attempts { if let host = attempt.incident?.host { failures[host, default: 0] += 1 } }
    return Set(failures.filter { $0.value >= 2 }.keys)
  }
}
