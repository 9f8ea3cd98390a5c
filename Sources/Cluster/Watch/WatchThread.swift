// The two sides of the watch: rank 0 receives from all ranks and judges them, each other rank receives from rank 0.

import Foundation

/// Seconds between heartbeats.
private let heartbeatSeconds = 1.0

extension JobWatch {
  /// Begins to listen, on rank 0.
  /// - Returns: true.
  func lead(_ listener: WatchListener) -> Bool {
    let leader = Leader(self, listener)
    startThread { leader.run() }
    return true
  }

  /// Connects with rank 0 and begins to send, on the others.
  /// - Returns: whether rank 0 answers at one of its addresses.
  func follow(_ offer: WatchOffer) -> Bool {
    for address in offer.addresses {
      guard let socket = WatchSocket(address: address, port: offer.port, seconds: 2) else { continue }
      socket.send(heartbeat(.hello))
      guard waitFor(socket.descriptor, POLLIN, seconds: 2), let answer = socket.receive().heartbeats.first, answer.token == token
      else {
        continue
      }
      peers.set(socket.descriptor, rank: 0)
      let follower = Follower(self, socket, answer)
      startThread { follower.run() }
      return true
    }
    return false
  }

  /// Signals other than crashes are the main thread's business.
  private func startThread(_ body: @escaping @Sendable () -> Void) {
    Thread.detachNewThread {
      var all = sigset_t()
      sigfillset(&all)
      for number in CrashHandlers.signals { sigdelset(&all, number) }
      pthread_sigmask(SIG_BLOCK, &all, nil)
      body()
    }
  }
}

/// Tells when the next heartbeat is due, and whether this process itself has slept: then the silence of the others means nothing.
private struct Pulse {
  private var last = steadySeconds()

  /// Milliseconds until the next heartbeat.
  var left: Int32 { Int32(max(0, min(heartbeatSeconds, last + heartbeatSeconds - steadySeconds())) * 1000) }

  /// - Returns: whether a heartbeat is due, and whether this process has slept since the last.
  mutating func advance() -> (isDue: Bool, hasSlept: Bool) {
    let since = steadySeconds() - last
    guard since >= heartbeatSeconds else { return (false, false) }
    last += since
    return (true, since > 3 * heartbeatSeconds)
  }
}

/// Rank 0's side. Its fields belong to its thread.
private final class Leader: @unchecked Sendable {
  private let watch: JobWatch
  private let listener: WatchListener
  /// Connections that have not said hello yet, and those that have, by rank.
  private var strangers: [WatchSocket] = []
  private var sockets: [Int: WatchSocket] = [:]
  /// Reports of all ranks, this one included, in rank order; whoever has not said hello is not watched.
  private var reports: [RankReport]
  private var pulse = Pulse()

  init(_ watch: JobWatch, _ listener: WatchListener) {
    (self.watch, self.listener) = (watch, listener)
    reports = watch.hosts.enumerated().map { rank, host in
      RankReport(
        rank: rank, host: host, heartbeat: Heartbeat(.heartbeat, token: watch.token, rank: rank), heardAt: steadySeconds(),
        isGone: rank > 0)
    }
  }

  func run() {
    while !watch.isOver {
      waitForNews()
      while let connection = listener.accept() { strangers.append(connection) }
      greetStrangers()
      for (rank, socket) in sockets { receive(rank, socket) }
      let (isDue, hasSlept) = pulse.advance()
      let now = steadySeconds()
      reports[0].heartbeat = watch.heartbeat()
      reports[0].heardAt = now
      if hasSlept { for rank in reports.indices { reports[rank].heardAt = now } }
      if isDue {
        watch.recorder.markAlive()
        for socket in sockets.values { socket.send(reports[0].heartbeat) }
      }
      if let verdict = judge(reports, watch.deadlines, at: now), !watch.isOver { watch.end(verdict, reports) }
    }
  }

  private func waitForNews() {
    let descriptors = [listener.descriptor] + strangers.map(\.descriptor) + sockets.values.map(\.descriptor)
    var entries = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    poll(&entries, nfds_t(entries.count), pulse.left)
  }

  private func greetStrangers() {
    strangers.removeAll { socket in
      let (heartbeats, isOpen) = socket.receive()
      guard let hello = heartbeats.first else { return !isOpen }
      let rank = Int(hello.rank)
      guard hello.token == watch.token, reports.indices.contains(rank), rank > 0, sockets[rank] == nil else { return true }
      sockets[rank] = socket
      watch.peers.set(socket.descriptor, rank: rank)
      (reports[rank].heartbeat, reports[rank].heardAt, reports[rank].isGone) = (hello, steadySeconds(), false)
      socket.send(watch.heartbeat())
      return true
    }
  }

  private func receive(_ rank: Int, _ socket: WatchSocket) {
    let (heartbeats, isOpen) = socket.receive()
    for heartbeat in heartbeats where heartbeat.token == watch.token {
      switch Heartbeat.Kind(rawValue: heartbeat.kind) {
      case .goodbye: reports[rank].isGone = true
      case .reported, .crashed: watch.isReported(by: heartbeat, reports)
      default: (reports[rank].heartbeat, reports[rank].heardAt) = (heartbeat, steadySeconds())
      }
    }
    guard !isOpen else { return }
    reports[rank].isBroken = true
    watch.peers.set(-1, rank: rank)
    sockets[rank] = nil
  }
}

/// Every other rank's side. Its fields belong to its thread.
private final class Follower: @unchecked Sendable {
  private let watch: JobWatch
  private let socket: WatchSocket
  /// The report on rank 0.
  private var report: RankReport
  private var pulse = Pulse()
  /// The time at which this rank first found rank 0 lost.
  private var lostAt: Double?

  init(_ watch: JobWatch, _ socket: WatchSocket, _ answer: Heartbeat) {
    (self.watch, self.socket) = (watch, socket)
    report = RankReport(rank: 0, host: watch.hosts[0], heartbeat: answer, heardAt: steadySeconds())
  }

  func run() {
    while !watch.isOver {
      waitForNews()
      receive()
      let (isDue, hasSlept) = pulse.advance()
      if hasSlept { report.heardAt = steadySeconds() }
      if isDue {
        watch.recorder.markAlive()
        socket.send(watch.heartbeat())
      }
      judgeLeader()
    }
  }

  /// A connection that has ended is always ready.
  private func waitForNews() {
    if report.isBroken { usleep(100_000) } else { _ = waitFor(socket.descriptor, POLLIN, seconds: Double(pulse.left) / 1000) }
  }

  private func receive() {
    let (heartbeats, isOpen) = socket.receive()
    for heartbeat in heartbeats where heartbeat.token == watch.token {
      switch Heartbeat.Kind(rawValue: heartbeat.kind) {
      case .goodbye: report.isGone = true
      case .reported, .crashed: watch.isReported(by: heartbeat, [report])
      default: (report.heartbeat, report.heardAt) = (heartbeat, steadySeconds())
      }
    }
    if !isOpen { report.isBroken = true }
  }

  /// Rank 1 prints at once, the others only if the job still lives after a while, so that one message appears.
  private func judgeLeader() {
    let now = steadySeconds()
    guard let verdict = judge([report], watch.deadlines, at: now), verdict.kind == .lost else { return lostAt = nil }
    let patience = Double(min(watch.rank - 1, 2)) * 2
    lostAt = lostAt ?? now
    if now - lostAt! >= patience, !watch.isOver { watch.end(verdict, [report]) }
  }
}
