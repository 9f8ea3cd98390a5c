// The two sides of the watch: rank 0 hears all ranks and judges them, each other rank hears rank 0.

import Foundation

/// Seconds between beats.
private let beatSeconds = 1.0

extension JobWatch {
  /// On rank 0: begins to listen.
  /// - Returns: true.
  func lead(_ listener: WatchListener) -> Bool {
    let leader = Leader(self, listener)
    startThread { leader.run() }
    return true
  }

  /// On the others: connects with rank 0 and begins to send.
  /// - Returns: whether rank 0 answers at one of its addresses.
  func follow(_ offer: WatchOffer) -> Bool {
    for address in offer.addresses {
      guard let socket = WatchSocket(address: address, port: offer.port, seconds: 2) else { continue }
      socket.send(beat(.hello))
      guard waitFor(socket.descriptor, POLLIN, seconds: 2), let answer = socket.receive().beats.first, answer.token == token
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

/// Tells when the next beat is due, and whether this process itself has slept: then the silence of the others means nothing.
private struct Pulse {
  private var last = steadySeconds()

  /// Milliseconds until the next beat.
  var left: Int32 { Int32(max(0, min(beatSeconds, last + beatSeconds - steadySeconds())) * 1000) }

  /// - Returns: whether a beat is due, and whether this process has slept since the last.
  mutating func advance() -> (isDue: Bool, hasSlept: Bool) {
    let since = steadySeconds() - last
    guard since >= beatSeconds else { return (false, false) }
    last += since
    return (true, since > 3 * beatSeconds)
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
        rank: rank, host: host, beat: Beat(.beat, token: watch.token, rank: rank), heardAt: steadySeconds(), isGone: rank > 0)
    }
  }

  func run() {
    while !watch.isOver {
      waitForNews()
      while let connection = listener.accept() { strangers.append(connection) }
      greetStrangers()
      for (rank, socket) in sockets { hear(rank, socket) }
      let (isDue, hasSlept) = pulse.advance()
      let now = steadySeconds()
      reports[0].beat = watch.beat()
      reports[0].heardAt = now
      if hasSlept { for rank in reports.indices { reports[rank].heardAt = now } }
      if isDue {
        watch.recorder.markAlive()
        for socket in sockets.values { socket.send(reports[0].beat) }
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
      let (beats, isOpen) = socket.receive()
      guard let hello = beats.first else { return !isOpen }
      let rank = Int(hello.rank)
      guard hello.token == watch.token, reports.indices.contains(rank), rank > 0, sockets[rank] == nil else { return true }
      sockets[rank] = socket
      watch.peers.set(socket.descriptor, rank: rank)
      (reports[rank].beat, reports[rank].heardAt, reports[rank].isGone) = (hello, steadySeconds(), false)
      socket.send(watch.beat())
      return true
    }
  }

  private func hear(_ rank: Int, _ socket: WatchSocket) {
    let (beats, isOpen) = socket.receive()
    for beat in beats where beat.token == watch.token {
      switch Beat.Kind(rawValue: beat.kind) {
      case .goodbye: reports[rank].isGone = true
      case .told, .crashed: watch.hasBeenTold(by: beat, reports)
      default: (reports[rank].beat, reports[rank].heardAt) = (beat, steadySeconds())
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
  /// On rank 0.
  private var report: RankReport
  private var pulse = Pulse()
  /// When this rank first found rank 0 lost.
  private var lostAt: Double?

  init(_ watch: JobWatch, _ socket: WatchSocket, _ answer: Beat) {
    (self.watch, self.socket) = (watch, socket)
    report = RankReport(rank: 0, host: watch.hosts[0], beat: answer, heardAt: steadySeconds())
  }

  func run() {
    while !watch.isOver {
      waitForNews()
      hear()
      let (isDue, hasSlept) = pulse.advance()
      if hasSlept { report.heardAt = steadySeconds() }
      if isDue {
        watch.recorder.markAlive()
        socket.send(watch.beat())
      }
      judgeLeader()
    }
  }

  /// A connection that has ended is always ready.
  private func waitForNews() {
    if report.isBroken { usleep(100_000) } else { _ = waitFor(socket.descriptor, POLLIN, seconds: Double(pulse.left) / 1000) }
  }

  private func hear() {
    let (beats, isOpen) = socket.receive()
    for beat in beats where beat.token == watch.token {
      switch Beat.Kind(rawValue: beat.kind) {
      case .goodbye: report.isGone = true
      case .told, .crashed: watch.hasBeenTold(by: beat, [report])
      default: (report.beat, report.heardAt) = (beat, steadySeconds())
      }
    }
    if !isOpen { report.isBroken = true }
  }

  /// Rank 1 speaks at once, the others only if the job still lives after a while, so that one message appears.
  private func judgeLeader() {
    let now = steadySeconds()
    guard let verdict = judge([report], watch.deadlines, at: now), verdict.kind == .lost else { return lostAt = nil }
    let patience = Double(min(watch.rank - 1, 2)) * 2
    lostAt = lostAt ?? now
    if now - lostAt! >= patience, !watch.isOver { watch.end(verdict, [report]) }
  }
}
