// The watch without ranks: who is blamed for what, how long an operation may last, what a flight file holds.

import Cluster
import Foundation
import TestSupport
import Testing

@Suite struct JudgementTests {
  let deadlines = Deadlines(floor: 60)

  /// A rank heard of just now, whose operation has lasted `seconds`; the longest before took one second.
  func report(_ rank: Int, _ phase: FlightPhase, _ seconds: Double, isInMPI: Bool = false) -> RankReport {
    var heartbeat = Heartbeat(.heartbeat, rank: rank)
    heartbeat.record.phase = phase.rawValue
    heartbeat.record.step = 17
    (heartbeat.seconds, heartbeat.longest, heartbeat.isInMPI) = (seconds, 1, isInMPI)
    return RankReport(rank: rank, host: "lab\(rank)", heartbeat: heartbeat, heardAt: 1000)
  }

  @Test func theRankThatDoesNotWaitIsNamed() {
    let reports = [report(0, .average, 70), report(1, .load, 70.5), report(2, .average, 70.2)]
    let verdict = judge(reports, deadlines, at: 1000)
    #expect(verdict?.kind == .hang && verdict?.rank == 1 && verdict?.exitCode == .hang)
    #expect(verdict?.circumstances == " since 70.5 s (deadline 60.0 s); all others wait for it")
    #expect(
      judge([report(0, .average, 1000), report(1, .compute, 50)], deadlines, at: 1000) == nil,
      "waiting is right while another works")
  }

  @Test func reportsThatAllRanksWait() {
    let verdict = judge([report(0, .control, 61), report(1, .average, 65)], deadlines, at: 1000)
    #expect(verdict?.rank == 0 && verdict?.circumstances.contains("all ranks wait for each other") == true)
    #expect(judge([report(0, .control, 59), report(1, .average, 65)], deadlines, at: 1000) == nil)
  }

  @Test func inACheckpointRanksInsideMPICallsAreWaiting() {
    let verdict = judge([report(0, .checkpoint, 605, isInMPI: true), report(1, .checkpoint, 601)], deadlines, at: 1000)
    #expect(verdict?.rank == 1)
    #expect(judge([report(0, .checkpoint, 599), report(1, .checkpoint, 300)], deadlines, at: 1000) == nil, "ten times as long")
  }

  @Test func deadlinesGrowWithTheLongestOperation() {
    #expect(deadlines.limit(.load, longest: 0.5) == 60)
    #expect(deadlines.limit(.load, longest: 30) == 300)
    #expect(deadlines.limit(.load, longest: 0) == 600, "nothing is known of it yet")
    #expect(deadlines.limit(.validation, longest: 0.5) == 600)
    #expect([1.0, 5, 60].map { Deadlines(floor: $0).silence } == [3, 5, 15])
  }

  /// What a rank did at its last heartbeat is no reason to say that it hangs there: with a short deadline both limits pass
  /// together.
  @Test func aSilentRankIsLostAndNotHanging() {
    var silent = report(1, .compute, 0.4)
    silent.heardAt = 995.2
    let short = Deadlines(floor: 5)
    #expect(judge([report(0, .average, 5), silent], short, at: 1000) == nil, "overdue, but not heard of")
    silent.heardAt = 994.9
    #expect(judge([report(0, .average, 5), silent], short, at: 1000)?.kind == .lost)
  }

  /// The time since the last heartbeat is not known to have gone into that operation: after a pause ranks report a second of it, and go on.
  @Test func aRankIsOverdueByItsOwnWord() {
    var busy = report(1, .compute, 1.2)
    // The longest piece so far took 0.1 s, so that the limit is the floor.
    (busy.heardAt, busy.heartbeat.longest) = (999.1, 0.1)
    let short = Deadlines(floor: 2)
    func verdict() -> Verdict? { judge([report(0, .average, 2.5), busy], short, at: 1000) }
    #expect(verdict() == nil)
    busy.heartbeat.seconds = 2.1
    #expect(verdict()?.rank == 1 && verdict()?.circumstances.hasPrefix(" since 3.0 s (deadline 2.0 s)") == true)
  }

  @Test func silenceAndBrokenConnectionsAreLosses() {
    var silent = report(1, .load, 1), broken = report(2, .compute, 1)
    silent.heardAt = 984
    #expect(judge([report(0, .load, 1), silent], deadlines, at: 1000)?.circumstances == ", heard of 16.0 s ago")
    broken.isBroken = true
    let verdict = judge([report(0, .load, 1), broken], deadlines, at: 1000)
    #expect(verdict?.kind == .lost && verdict?.rank == 2 && verdict?.exitCode == .rankLost)
    broken.isGone = true
    #expect(judge([report(0, .load, 1), broken], deadlines, at: 1000) == nil, "it has taken leave")
  }
}

@Suite struct FlightTests {
  @Test func theLastOperationsStayInOrder() throws {
    try withTemporaryFolder { folder in
      let recorder = try FlightRecorder(run: folder, rank: 3, ranks: 4, host: "lab3")
      #expect(try FlightLog.all(ofRun: folder)[0].records.isEmpty)
      for step in 1...100_000 { recorder.mark(.load, step: step, detail: "lane \(step % 7)") }
      recorder.mark(.average, step: nil, detail: String(repeating: "ö", count: 100))
      let log = try FlightLog.all(ofRun: folder)[0]
      #expect(log.header.rank == 3 && log.header.host == "lab3" && log.state == "not done")
      #expect(log.records.map(\.step) == Array(99_746...100_000) + [100_000])
      #expect(log.records[254].operation == "load (lane 5) of step 100000")
      #expect(log.records[255].detail == String(repeating: "ö", count: 43), "what does not fit is cut off")
      #expect(recorder.lastOperation.record.phase == FlightPhase.average.rawValue && recorder.lastOperation.longest == 0)
      recorder.mark(.load, step: nil, detail: "")
      #expect(recorder.lastOperation.longest > 0, "the loads before")
    }
  }

  @Test func otherFilesAreRefused() throws {
    try withTemporaryFolder { folder in
      #expect(throws: ClusterError.self) { try FlightLog.all(ofRun: folder) }
      try FileManager.default.createDirectory(atPath: folder + "/flight", withIntermediateDirectories: true)
      for bytes in [0, 100, FlightFile.bytes] {
        try Data(count: bytes).write(to: URL(fileURLWithPath: folder + "/flight/rank-0000.bin"))
        let error = #expect(throws: ClusterError.self) { try FlightLog.all(ofRun: folder) }
        #expect(error?.description.contains("not a flight record") == true)
      }
    }
  }

  @Test func faultsAreAskedForByName() throws {
    #expect(try Fault(environment: [:]) == nil)
    let fault = try Fault("mpi-error:rank=2,step=7,attempt=1")
    #expect(fault.kind == .mpiError && fault.rank == 2 && fault.step == 7 && fault.attempt == 1)
    for text in ["", "kill", "kill:rank=1", "kill:rank=1,step=x", "boil:rank=1,step=2", "kill:rank=1,step=2,speed=3"] {
      #expect(throws: ClusterError.self) { try Fault(text) }
    }
  }
}
