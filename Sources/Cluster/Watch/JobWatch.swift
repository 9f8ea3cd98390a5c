// The watch over all ranks of a job: every rank reports each second over plain TCP what it is
// doing; rank 0 notices who is lost or hangs, the others notice if rank 0 is lost. Runs on a thread of its own without MPI, so it
// works while MPI waits.

import Files
import Foundation
import MPI
import Synchronization

/// The watch of this process, from `start` to `end`.
public final class JobWatch: @unchecked Sendable {
  /// The watch of this process, for failures anywhere in it.
  nonisolated(unsafe) private(set) static var current: JobWatch?

  let run: String
  let rank: Int
  let hosts: [String]
  let deadlines: Deadlines
  let recorder: FlightRecorder
  let peers: PeerTable
  private let hint: String
  /// What the system had killed for want of memory when the watch began.
  private let killsBefore = MemoryKills.now
  private let secondsSinceTermination: @Sendable () -> Double?
  private let hasEnded = Atomic<Bool>(false)

  /// Starts the watch of all ranks, and the handlers of crashes. Collective, after `Flight.open` on every rank.
  ///
  /// - Parameters:
  ///   - run: the run folder, for incident files.
  ///   - deadline: how long an operation may last in seconds; the first of its kind and long phases ten times as long.
  ///   - hint: what the user should do, the end of the message on why the job ends.
  ///   - secondsSinceTermination: since SIGTERM or SIGINT came, after which ranks are expected to die; nil if none came.
  ///   - warn: gets warnings for the user, on rank 0.
  /// - Throws: the same error on every rank, if rank 0 cannot listen.
  public static func start(
    run: String, deadline: Double, over world: borrowing Communicator, hint: String,
    secondsSinceTermination: @escaping @Sendable () -> Double?, warn: (String) -> Void
  ) throws(ClusterError) -> JobWatch {
    guard let recorder = Flight.recorder else { fatalError("JobWatch.start: open the flight record first") }
    let hosts = try clustered { () throws(MPIError) in try world.allgather(text: Communicator.hostName) }
    let rank = world.rank
    let (peers, missing) = try meet(hosts, over: world)
    let watch = JobWatch(run, rank, hosts, peers, Deadlines(floor: deadline), recorder, hint, secondsSinceTermination)
    CrashHandlers.install(recorder: recorder, peers: watch.peers, place: watch.place(of: rank), rank: rank)
    current = watch
    if rank == 0 {
      let leader = Leader(watch)
      startWatchThread { leader.run() }
    } else if let peer = peers.first {
      let follower = Follower(watch, peer)
      startWatchThread { follower.run() }
    }
    if rank == 0, !missing.isEmpty {
      warn(
        "rank 0 on \(hosts[0]) cannot be reached over TCP by rank \(missing.map { "\($0) on \(hosts[$0])" }.joined(separator: ", ")): "
          + "it will not be noticed if one of them hangs. Open the firewall between the hosts.")
    }
    return watch
  }

  private init(
    _ run: String, _ rank: Int, _ hosts: [String], _ peers: [Peer], _ deadlines: Deadlines, _ recorder: FlightRecorder,
    _ hint: String, _ secondsSinceTermination: @escaping @Sendable () -> Double?
  ) {
    (self.run, self.rank, self.hosts) = (run, rank, hosts)
    (self.deadlines, self.recorder, self.hint) = (deadlines, recorder, hint)
    self.secondsSinceTermination = secondsSinceTermination
    self.peers = PeerTable(peers)
  }

  /// Signs off: the others stop expecting heartbeats from this rank.
  public func end() {
    Flight.mark(.done)
    guard JobEnd.claim() else { return }
    peers.send(heartbeat(.goodbye))
    hasEnded.store(true, ordering: .releasing)
  }

  // MARK: For the threads of the watch

  /// The time in which this process ran, and not the pauses of a suspended job.
  var clock: AwakeClock { recorder.clock }

  var isOver: Bool { hasEnded.load(ordering: .acquiring) }

  /// What this rank is doing now.
  func heartbeat(_ kind: Heartbeat.Kind = .heartbeat) -> Heartbeat {
    var heartbeat = Heartbeat(kind, rank: rank)
    (heartbeat.record, heartbeat.longest) = recorder.lastOperation
    heartbeat.isInMPI = MPIActivity.isInside
    heartbeat.seconds = heartbeat.record.sequence > 0 ? max(0, clock.seconds - heartbeat.record.advanced) : 0
    return heartbeat
  }

  /// "rank 2 of 3 on lab2".
  func place(of rank: Int) -> String { "rank \(rank) of \(hosts.count) on \(hosts[rank])" }

  /// Ends the job for `verdict`, unless the reason was printed already.
  func end(_ verdict: Verdict, _ reports: [RankReport]) {
    guard JobEnd.claim() else { return }
    // mpirun or a person is ending the job: what dies now dies as asked.
    if verdict.kind == .lost, let seconds = secondsSinceTermination(), seconds > 0.5 {
      return JobEnd.lightFuse(code: verdict.exitCode)
    }
    peers.send(heartbeat(.reported))
    let reports = verdict.kind == .lost ? withLastRecord(of: verdict.rank, reports) : reports
    let operation = reports.first { $0.rank == verdict.rank }?.heartbeat.record.operation ?? ""
    // The counters of another host cannot be seen from here.
    let isHere = verdict.kind == .lost && hosts[verdict.rank] == hosts[rank]
    let kill = isHere ? MemoryKills.now.explanation(since: killsBefore).map { "; a process of its host was \($0)" } : nil
    let message = "\(place(of: verdict.rank)) \(verdict.fault) \(operation)\(verdict.circumstances)\(kill ?? ""). \(hint)"
    let isSilent = reports.contains { $0.rank == verdict.rank && !$0.isBroken } && verdict.kind == .lost
    JobEnd.end(
      incident(verdict, message, reports), run: run, code: verdict.exitCode,
      isCut: isSilent && hosts[verdict.rank] != hosts[rank])
  }

  /// What a lost rank did after its last heartbeat, from its flight file, if that can be seen from here: a file system that went
  /// with the lost host must not keep the job from ending.
  private func withLastRecord(of lost: Int, _ reports: [RankReport]) -> [RankReport] {
    let path = FlightFile.path(run: run, rank: lost), found = LastRecord()
    Thread.detachNewThread {
      found.record = (try? FlightLog(path: path))?.records.last
      found.isRead.signal()
    }
    guard found.isRead.wait(timeout: .now() + 0.3) == .success, let last = found.record else { return reports }
    return reports.map { report in
      guard report.rank == lost, report.heartbeat.record.sequence < last.sequence else { return report }
      var report = report
      report.heartbeat.record = last
      return report
    }
  }

  /// This rank's main thread has met an error: ends the job, unless the reason was printed already.
  func fail(_ error: String, code: ExitCode) -> Never {
    guard JobEnd.claim() else {
      sleep(2 * JobEnd.fuseSeconds)
      _exit(code.rawValue)
    }
    peers.send(heartbeat(.reported))
    var report = RankReport(rank: rank, host: hosts[rank], heartbeat: heartbeat(), heardAt: clock.seconds)
    report.heartbeat.isInMPI = false
    let verdict = Verdict(kind: .error, rank: rank, fault: "failed in", circumstances: "", exitCode: code)
    JobEnd.end(
      incident(verdict, "\(place(of: rank)) in \(report.heartbeat.record.operation): \(error)", [report]), run: run, code: code)
  }

  /// Another rank has printed why the job ends. Whoever receives that passes it on. A crash handler cannot write files: rank 0
  /// leaves the incident, rank 1 if it is rank 0 that crashed.
  func isReported(by heartbeat: Heartbeat, _ reports: [RankReport]) {
    guard JobEnd.claim() else { return }
    peers.send(self.heartbeat(.reported))
    JobEnd.lightFuse(code: .rankLost)
    guard heartbeat.kind == Heartbeat.Kind.crashed.rawValue, rank == (heartbeat.rank == 0 ? 1 : 0) else { return }
    let verdict = Verdict(
      kind: .crash, rank: Int(heartbeat.rank), fault: "crashed with \(signalName(heartbeat.signal)) in", circumstances: "",
      exitCode: .rankLost)
    var reports = reports
    if let index = reports.firstIndex(where: { $0.rank == verdict.rank }) { reports[index].heartbeat = heartbeat }
    let message = "\(place(of: verdict.rank)) \(verdict.fault) \(heartbeat.record.operation)."
    incident(verdict, message, reports).write(run: run)
  }

  func incident(_ verdict: Verdict, _ message: String, _ reports: [RankReport]) -> Incident {
    let now = clock.seconds
    let record = reports.first { $0.rank == verdict.rank }?.heartbeat.record ?? recorder.lastOperation.record
    return Incident(
      time: timeText(), attempt: currentAttempt, kind: verdict.kind.rawValue, rank: verdict.rank, host: hosts[verdict.rank],
      step: Int(record.step), operation: record.operation, exitCode: verdict.exitCode.rawValue, message: message, reporter: rank,
      ranks: reports.map {
        Incident.LastOperation(
          rank: $0.rank, host: $0.host, step: Int($0.heartbeat.record.step), phase: $0.heartbeat.record.phaseName,
          detail: $0.heartbeat.record.detail, seconds: $0.seconds(at: now), isWaiting: $0.isWaiting)
      })
  }
}

/// Handed from the thread that reads a flight file to the one that waits for it; the semaphore puts their accesses in order.
private final class LastRecord: @unchecked Sendable {
  var record: FlightRecord?
  let isRead = DispatchSemaphore(value: 0)
}
