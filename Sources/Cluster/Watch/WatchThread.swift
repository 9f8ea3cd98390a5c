// The two sides of the watch: rank 0 receives from all ranks and judges them, each other rank receives from rank 0.

import Foundation

/// Seconds between heartbeats.
private let heartbeatSeconds = 1.0

/// Runs `body` on a thread that leaves signals other than crashes to the main thread.
func startWatchThread(_ body: @escaping @Sendable () -> Void) {
  var all = sigset_t(), before = sigset_t()
  sigfillset(&all)
  for number in CrashHandlers.signals { sigdelset(&all, number) }
  // A thread begins with the mask of the one that starts it.
  pthread_sigmask(SIG_SETMASK, &all, &before)
  Thread.detachNewThread(body)
  pthread_sigmask(SIG_SETMASK, &before, nil)
}

/// Tells when the next heartbeat is due: at once, then every second.
private struct Pulse {
  private var last = -Double.infinity

  /// Seconds until then.
  var left: Double { max(0, min(heartbeatSeconds, last + heartbeatSeconds - steadySeconds())) }

  mutating func isDue() -> Bool {
    let now = steadySeconds()
    guard now - last >= heartbeatSeconds else { return false }
    last = now
    return true
  }
}

/// Rank 0's side. Its fields belong to its thread.
final class Leader: @unchecked Sendable {
  private let watch: JobWatch
  private var inboxes: [Inbox]
  /// Reports of all ranks, this one included, in rank order; whoever has not come is not watched.
  private var reports: [RankReport]
  private var pulse = Pulse()

  init(_ watch: JobWatch) {
    self.watch = watch
    inboxes = watch.peers.all.map(Inbox.init)
    let now = watch.clock.seconds, present = [0] + watch.peers.all.map(\.rank)
    reports = watch.hosts.enumerated().map { rank, host in
      RankReport(
        rank: rank, host: host, heartbeat: Heartbeat(.heartbeat, rank: rank), heardAt: now, isGone: !present.contains(rank))
    }
  }

  func run() {
    while !watch.isOver {
      waitForNews()
      for index in inboxes.indices { receive(&inboxes[index]) }
      inboxes.removeAll { reports[$0.peer.rank].isBroken }
      reports[0].heartbeat = watch.heartbeat()
      reports[0].heardAt = watch.clock.seconds
      if pulse.isDue() {
        watch.recorder.markAlive()
        watch.peers.send(reports[0].heartbeat)
      }
      let verdict = judge(reports, watch.deadlines, at: watch.clock.seconds, graceEnd: watch.clock.graceEnd)
      if let verdict, !watch.isOver { watch.end(verdict, reports) }
    }
  }

  private func waitForNews() {
    var entries = inboxes.map { pollfd(fd: $0.peer.descriptor, events: Int16(POLLIN), revents: 0) }
    poll(&entries, nfds_t(entries.count), Int32(pulse.left * 1000))
  }

  private func receive(_ inbox: inout Inbox) {
    let rank = inbox.peer.rank, (heartbeats, isOpen) = inbox.receive()
    for heartbeat in heartbeats {
      switch Heartbeat.Kind(rawValue: heartbeat.kind) {
      case .goodbye: reports[rank].isGone = true
      case .reported, .crashed: watch.isReported(by: heartbeat, reports)
      default: (reports[rank].heartbeat, reports[rank].heardAt) = (heartbeat, watch.clock.seconds)
      }
    }
    if !isOpen { reports[rank].isBroken = true }
  }
}

/// Every other rank's side. Its fields belong to its thread.
final class Follower: @unchecked Sendable {
  private let watch: JobWatch
  private var inbox: Inbox
  /// The report on rank 0.
  private var report: RankReport
  private var pulse = Pulse()
  /// The time at which this rank first found rank 0 lost.
  private var lostAt: Double?

  init(_ watch: JobWatch, _ peer: Peer) {
    (self.watch, inbox) = (watch, Inbox(peer))
    report = RankReport(rank: 0, host: watch.hosts[0], heartbeat: Heartbeat(.heartbeat, rank: 0), heardAt: watch.clock.seconds)
  }

  func run() {
    while !watch.isOver {
      waitForNews()
      receive()
      if pulse.isDue() {
        watch.recorder.markAlive()
        watch.peers.send(watch.heartbeat())
      }
      judgeLeader()
    }
  }

  /// A connection that has ended is always ready.
  private func waitForNews() {
    if report.isBroken { usleep(100_000) } else { _ = waitFor(inbox.peer.descriptor, POLLIN, seconds: pulse.left) }
  }

  private func receive() {
    let (heartbeats, isOpen) = inbox.receive()
    for heartbeat in heartbeats {
      switch Heartbeat.Kind(rawValue: heartbeat.kind) {
      case .goodbye: report.isGone = true
      case .reported, .crashed: watch.isReported(by: heartbeat, [report])
      default: (report.heartbeat, report.heardAt) = (heartbeat, watch.clock.seconds)
      }
    }
    if !isOpen { report.isBroken = true }
  }

  /// Rank 1 prints at once, the others only if the job still lives after a while, so that one message appears.
  private func judgeLeader() {
    let now = watch.clock.seconds
    let verdict = judge([report], watch.deadlines, at: now, graceEnd: watch.clock.graceEnd)
    guard let verdict, verdict.kind == .lost else { return lostAt = nil }
    let patience = Double(min(watch.rank - 1, 2)) * 2
    lostAt = lostAt ?? now
    if now - lostAt! >= patience, !watch.isOver { watch.end(verdict, [report]) }
  }
}
