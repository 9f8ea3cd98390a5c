// A job that is suspended: time in which a process does not run counts for nothing, whoever wakes first waits for the others.

import Cluster
import Foundation
import Synchronization
import TestSupport
import Testing

/// A steady clock that goes as the test says.
private final class Hands: Sendable {
  private let now = Mutex(100.0)

  func advance(_ seconds: Double) { now.withLock { $0 += seconds } }
  var clock: AwakeClock { AwakeClock { self.now.withLock { $0 } } }
}

@Suite struct AwakeClockTests {
  @Test func goesOnWhileItIsRead() {
    let hands = Hands(), clock = hands.clock
    for _ in 0..<100 {
      hands.advance(1.5)
      _ = clock.seconds
    }
    #expect(clock.seconds == 250 && clock.graceEnd < 0, "a late reader is no pause")
  }

  @Test func leavesOutPausesWhoeverReadsFirst() {
    let hands = Hands(), clock = hands.clock
    let began = clock.seconds
    hands.advance(0.5)
    _ = clock.seconds
    hands.advance(3600)
    #expect(clock.seconds - began == 1.5, "half a second, and the second in which nobody need have read")
    hands.advance(1)
    #expect(clock.seconds - began == 2.5)
  }

  @Test func graceIsAsLongAsThePauseAndAtMostTwoMinutes() {
    let hands = Hands(), clock = hands.clock
    hands.advance(31)
    #expect(clock.graceEnd - clock.seconds == 30)
    hands.advance(86_400)
    #expect(clock.graceEnd - clock.seconds == 120)
  }
}

/// Two ranks, each with its own clock that stands still while it does, judged by the one that is awake.
@Suite struct SuspendedJobTests {
  let deadlines = Deadlines(floor: 60)

  func report(_ rank: Int, heardAt: Double, seconds: Double = 1, _ phase: FlightPhase = .compute) -> RankReport {
    var heartbeat = Heartbeat(.heartbeat, rank: rank)
    (heartbeat.record.phase, heartbeat.seconds, heartbeat.longest) = (phase.rawValue, seconds, 1)
    return RankReport(rank: rank, host: "lab\(rank)", heartbeat: heartbeat, heardAt: heardAt)
  }

  @Test func theFirstToWakeWaitsForTheOthers() {
    let hands = Hands(), clock = hands.clock, heard = clock.seconds
    hands.advance(600)
    for second in 0..<200 {
      let now = clock.seconds
      let verdict = judge(
        [report(0, heardAt: now, .average), report(1, heardAt: heard)], deadlines, at: now, graceEnd: clock.graceEnd)
      let limit = Int(AwakeClock.longestGrace + deadlines.silence)
      #expect((verdict == nil) == (second <= limit), "\(second) s after waking: the other is lost when it never wakes")
      if second > limit { #expect(verdict?.kind == .lost && verdict?.rank == 1) }
      hands.advance(1)
    }
  }

  @Test func aShortPauseGivesAShortGrace() {
    let hands = Hands(), clock = hands.clock, heard = clock.seconds
    hands.advance(11)
    let woken = clock.seconds
    func verdict(_ seconds: Double) -> Verdict? {
      judge(
        [report(0, heardAt: woken + seconds, .average), report(1, heardAt: heard)], deadlines, at: woken + seconds,
        graceEnd: clock.graceEnd)
    }
    #expect(verdict(24.9) == nil && verdict(25.1)?.rank == 1, "ten seconds of grace and fifteen of silence")
  }

  @Test func whoSleepsAloneIsLost() {
    let hands = Hands(), clock = hands.clock, heard = clock.seconds
    for _ in 0..<16 {
      hands.advance(1)
      _ = clock.seconds
    }
    let verdict = judge(
      [report(0, heardAt: clock.seconds), report(1, heardAt: heard)], deadlines, at: clock.seconds, graceEnd: clock.graceEnd)
    #expect(verdict?.kind == .lost && verdict?.rank == 1)
  }

  @Test func aBrokenConnectionHasNoGrace() {
    var broken = report(1, heardAt: 1000)
    broken.isBroken = true
    #expect(judge([report(0, heardAt: 1000), broken], deadlines, at: 1000, graceEnd: 1100)?.rank == 1)
  }

  @Test func graceIsForSilenceAndNotForHanging() {
    let verdict = judge(
      [report(0, heardAt: 1000, .average), report(1, heardAt: 1000, seconds: 70)], deadlines, at: 1000, graceEnd: 1100)
    #expect(verdict?.kind == .hang && verdict?.rank == 1)
  }
}

@Suite struct SignsOfLifeTests {
  /// The flight of a rank of this process whose watch last ran at `aliveAt`.
  func flight(_ folder: String, aliveAt: Double, isDone: Bool = false) throws -> [FlightLog] {
    let recorder = try FlightRecorder(run: folder, rank: 0, ranks: 1, host: "lab0")
    recorder.mark(isDone ? .done : .load, step: 1, detail: "")
    var log = try FlightLog.all(ofRun: folder)[0]
    log.header.aliveAt = aliveAt
    return [log]
  }

  @Test func ranksThatStandStillAreSilentUnlessStoppedOrDone() throws {
    try withTemporaryFolder { folder in
      let still = try flight(folder, aliveAt: 5), moving = try flight(folder, aliveAt: 6)
      let done = try flight(folder, aliveAt: 6, isDone: true)
      var signs = SignsOfLife(at: 0)
      func silence(_ flights: [FlightLog], _ now: Double, graceEnd: Double = -.infinity, isStopped: Bool = false) -> Double {
        signs.silence(of: flights, at: now, graceEnd: graceEnd) { _ in isStopped }
      }
      #expect(silence([], 20) == 20, "ranks that never came")
      #expect(silence(still, 25) == 0 && silence(still, 65) == 40)
      #expect(silence(still, 66, graceEnd: 60) == 6, "the launcher itself has slept")
      #expect(silence(moving, 70) == 0 && silence(moving, 80) == 10)
      #expect(silence(moving, 900, isStopped: true) == 0 && silence(moving, 910) == 10, "a pause is no hang")
      #expect(silence(done, 2000) == 0 && silence(done, 3000) == 0)
    }
  }
}
