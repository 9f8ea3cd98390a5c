// Who is to blame: from what all ranks report that they are doing to the one that holds the job up.

/// How long an operation may last.
package struct Deadlines: Sendable {
  /// The run key watch.deadline, seconds.
  let floor: Double

  package init(floor: Double) { self.floor = floor }

  /// Long phases, and the first piece of any, get ten times as long: nothing is known of them yet.
  static let firstFactor = 10.0
  /// The limit as a multiple of the longest piece seen on any rank.
  static let growth = 10.0

  /// The limit, seconds, of an operation of `phase` whose longest piece so far took `longest` seconds; 0 if none has ended.
  package func limit(_ phase: FlightPhase?, longest: Double) -> Double {
    let isUnknown = phase == nil || phase!.isLong || longest == 0
    return max(isUnknown ? floor * Self.firstFactor : floor, Self.growth * longest)
  }

  /// How long a rank may be silent: three missed heartbeats at least.
  package var silence: Double { min(15, max(3, floor)) }
  /// A rank that was not heard of for so long has missed a heartbeat and may do something else by now.
  static let fresh = 2.5
}

/// What is known of a rank.
package struct RankReport {
  let rank: Int
  let host: String
  package var heartbeat: Heartbeat
  /// The time at which that came, by the clock of the rank that judges, seconds.
  package var heardAt: Double
  /// Whether its connection is gone though it has not signed off.
  package var isBroken = false
  /// Whether it has signed off, or was never watched.
  package var isGone = false

  package init(rank: Int, host: String, heartbeat: Heartbeat, heardAt: Double, isGone: Bool = false) {
    (self.rank, self.host, self.heartbeat, self.heardAt, self.isGone) = (rank, host, heartbeat, heardAt, isGone)
  }

  /// How long it has been in its operation.
  func seconds(at now: Double) -> Double { heartbeat.seconds + now - heardAt }

  /// Whether it does nothing but wait for others. In phases with work and messages the MPI call shows it.
  var isWaiting: Bool {
    guard let phase = FlightPhase(rawValue: heartbeat.record.phase) else { return false }
    return phase.isWaiting || (phase.isLong && heartbeat.isInMPI)
  }
}

/// Why the job must end.
package struct Verdict: Equatable {
  package enum Kind: String, Codable {
    case lost, hang, crash, error
  }
  package let kind: Kind
  package let rank: Int
  /// What is wrong with the rank: the sentence between "rank 2 of 3 on lab2" and the operation, and from there on.
  package let fault: String
  package let circumstances: String
  package let exitCode: ExitCode
}

/// The verdict on the ranks at the time `now` of the rank that judges; nil while all is well.
/// - Parameter graceEnd: nobody is lost for having been silent before that time: this rank has slept, and maybe the others as well.
package func judge(
  _ reports: [RankReport], _ deadlines: Deadlines, at now: Double, graceEnd: Double = -.infinity
) -> Verdict? {
  let present = reports.filter { !$0.isGone }
  return lost(among: present, deadlines, at: now, graceEnd: graceEnd) ?? hanging(among: present, deadlines, at: now)
}

private func lost(
  among present: [RankReport], _ deadlines: Deadlines, at now: Double, graceEnd: Double
) -> Verdict? {
  for report in present {
    let silence = now - report.heardAt
    guard report.isBroken || now - max(report.heardAt, graceEnd) > deadlines.silence else { continue }
    return Verdict(
      kind: .lost, rank: report.rank,
      fault: report.isBroken
        ? "is lost (killed, or its host went down): it was in"
        : "gives no sign of life (stopped, or its host is frozen or cut off): it was in",
      circumstances: ", heard of \(silence.tenths) s ago", exitCode: .rankLost)
  }
  return nil
}

private func hanging(among present: [RankReport], _ deadlines: Deadlines, at now: Double) -> Verdict? {
  // Nobody is blamed for an operation that may have ended: a silent rank is heard of again, or lost in a moment.
  guard present.allSatisfy({ now - $0.heardAt <= Deadlines.fresh }) else { return nil }
  func limit(_ report: RankReport) -> Double {
    let phase = report.heartbeat.record.phase
    let longest = present.filter { $0.heartbeat.record.phase == phase }.map(\.heartbeat.longest).max() ?? 0
    return deadlines.limit(FlightPhase(rawValue: phase), longest: longest)
  }
  func hang(_ report: RankReport, _ rest: String) -> Verdict {
    Verdict(
      kind: .hang, rank: report.rank, fault: "hangs in",
      circumstances: " since \(report.seconds(at: now).tenths) s (deadline \(limit(report).tenths) s)" + rest, exitCode: .hang)
  }
  // By its own word: the operation may have ended a moment after the heartbeat, and the next one comes within a second.
  let overdue = present.filter { $0.heartbeat.seconds > limit($0) }
  if let culprit = overdue.filter({ !$0.isWaiting }).max(by: { $0.seconds(at: now) < $1.seconds(at: now) }) {
    let othersWait = present.count > 1 && present.allSatisfy { $0.isWaiting || $0.rank == culprit.rank }
    return hang(culprit, othersWait ? "; all others wait for it" : "")
  }
  // Whoever waits is right to wait as long as somebody works. Where all wait, the one that came last waits for something else
  // than the others.
  guard overdue.count == present.count, let last = overdue.min(by: { $0.seconds(at: now) < $1.seconds(at: now) })
  else { return nil }
  return hang(last, "; all ranks wait for each other, it was the last to begin")
}

extension Double {
  /// The number with one decimal.
  var tenths: String {
    let scaled = Int((self * 10).rounded())
    return "\(scaled / 10).\(abs(scaled % 10))"
  }
}
