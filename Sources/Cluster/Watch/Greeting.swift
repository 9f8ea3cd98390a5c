// How ranks find rank 0's watch, and how both sides prove that they belong to this job, without a word that a stranger could use. The key is
// made by rank 0 and handed out by MPI; it never travels over these connections.
//
//   rank 0 → rank    a challenge, 16 random bytes
//   rank → rank 0    a hello: 16 random bytes of its own, its number, and their hash under the key of the connection
//   rank 0 → rank    the first sealed message
//
// The key of the connection is the hash of both random numbers under the key of the job: what was recorded once is of no use again.

import Foundation
import Synchronization

/// Where rank 0 waits, and the key; broadcast by MPI as text.
package struct WatchOffer: Equatable {
  package let key: SipKey
  package let places: [WatchPlace]
}

/// What a rank says first.
package struct WatchHello: BitwiseCopyable {
  private let nonce: SipKey
  package let rank: UInt64
  private let seal: UInt64

  package static let bytes = MemoryLayout<WatchHello>.size

  package init(rank: Int, nonce: SipKey = .random(), challenge: SipKey, jobKey: SipKey) {
    (self.nonce, self.rank) = (nonce, UInt64(rank))
    seal = Self.hash(UInt64(rank), Self.connectionKey(challenge, nonce, jobKey))
  }

  /// The key of the connection; nil if the hello does not answer this challenge.
  func key(challenge: SipKey, jobKey: SipKey) -> SipKey? {
    let key = Self.connectionKey(challenge, nonce, jobKey)
    return seal == Self.hash(rank, key) ? key : nil
  }

  private static func connectionKey(_ challenge: SipKey, _ nonce: SipKey, _ jobKey: SipKey) -> SipKey {
    func part(_ number: UInt64) -> UInt64 {
      withUnsafeBytes(of: (challenge, nonce, number)) { sipHash($0, key: jobKey) }
    }
    return SipKey(low: part(0), high: part(1))
  }

  private static func hash(_ rank: UInt64, _ key: SipKey) -> UInt64 { withUnsafeBytes(of: rank) { sipHash($0, key: key) } }
}

/// How long the other side has for each of its words, seconds.
private let patience = 2.0

/// Connects this rank with rank 0 and proves to it who it is.
/// - Returns: the connection; nil if rank 0 answers at none of its places.
package func join(_ offer: WatchOffer, rank: Int) -> Peer? {
  var places = offer.places
  // Where somebody answers, another try may help: a busy rank 0 turns away who takes too long.
  for _ in 0..<5 {
    var answering: [WatchPlace] = []
    for place in places {
      guard let socket = WatchSocket(place, seconds: patience) else { continue }
      if let peer = greet(socket, offer.key, rank: rank) { return peer }
      answering.append(place)
    }
    places = answering
  }
  return nil
}

private func greet(_ socket: WatchSocket, _ jobKey: SipKey, rank: Int) -> Peer? {
  guard let bytes = socket.receive(exactly: MemoryLayout<SipKey>.size, seconds: patience) else { return nil }
  let challenge = bytes.withUnsafeBytes { $0.loadUnaligned(as: SipKey.self) }
  let hello = WatchHello(rank: rank, challenge: challenge, jobKey: jobKey)
  socket.send(hello)
  guard let key = hello.key(challenge: challenge, jobKey: jobKey),
    let answer = socket.receive(exactly: SealedHeartbeat.bytes, seconds: patience),
    let welcome = answer.withUnsafeBytes({ SealedHeartbeat.opened($0, key: key) })?.heartbeat,
    welcome.rank == 0, welcome.kind == Heartbeat.Kind.welcome.rawValue
  else { return nil }
  return Peer(rank: 0, descriptor: socket.keep(), key: key)
}

/// Rank 0's side, on a thread of its own until all ranks have come or given up: then nobody listens any more. Whoever connects meanwhile is a
/// stranger until its hello is right. A stranger may send the bytes of one hello, has two seconds for it, and costs one descriptor; of more
/// strangers than ranks that are still to come, and a few, the oldest is turned away.
package final class Greeter: @unchecked Sendable {
  private struct Stranger {
    let socket: WatchSocket
    let challenge = SipKey.random()
    let since = steadySeconds()
    var hello: [UInt8] = []
  }
  /// Strangers beside the ranks that are still to come.
  private static let spare = 16

  package let offer: WatchOffer
  private let ranks: Int
  private let mayEnd = Atomic<Bool>(false)
  private let hasEnded = DispatchSemaphore(value: 0)
  // These belong to the thread until it has ended.
  private var listeners: [WatchListener] = []
  private var strangers: [Stranger] = []
  private var joined: [Int: (socket: WatchSocket, key: SipKey)] = [:]

  /// - Parameter addresses: the addresses of this host on which to listen.
  package init(addresses: [String], ranks: Int) throws(ClusterError) {
    for address in addresses { listeners.append(try WatchListener(address: address)) }
    (self.ranks, offer) = (ranks, WatchOffer(key: .random(), places: listeners.map(\.place)))
  }

  package func start() {
    startWatchThread {
      while !self.mayEnd.load(ordering: .acquiring) { self.turn() }
      self.hasEnded.signal()
    }
  }

  /// Ends the thread and closes whatever is not a rank's.
  /// - Parameter ranks: those that say that they are connected.
  /// - Returns: the connections to them.
  package func finish(with ranks: [Int]) -> [Peer] {
    mayEnd.store(true, ordering: .releasing)
    hasEnded.wait()
    (listeners, strangers) = ([], [])
    defer { joined = [:] }
    return ranks.compactMap { rank in joined[rank].map { Peer(rank: rank, descriptor: $0.socket.keep(), key: $0.key) } }
  }

  private func turn() {
    let descriptors = listeners.map(\.descriptor) + strangers.map(\.socket.descriptor)
    var entries = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    poll(&entries, nfds_t(entries.count), 20)
    // Where no connection can be taken, for want of descriptors, the listener stays ready: the thread must not spin.
    if !zip(listeners, entries).map({ admit(from: $0, isReady: $1.revents != 0) }).allSatisfy({ $0 }) { usleep(20_000) }
    strangers = strangers.compactMap(heard)
  }

  /// Takes the connections that have come, a number at a time.
  /// - Returns: false if there is one that cannot be taken.
  private func admit(from listener: WatchListener, isReady: Bool) -> Bool {
    guard isReady else { return true }
    for number in 0..<Self.spare {
      guard let socket = listener.accept() else { return number > 0 }
      let stranger = Stranger(socket: socket)
      socket.send(stranger.challenge)
      strangers.append(stranger)
      if strangers.count > ranks - 1 - joined.count + Self.spare { strangers.removeFirst() }
    }
    return true
  }

  /// The stranger with what it has said by now; nil if it is a stranger no more, or is turned away.
  private func heard(_ stranger: Stranger) -> Stranger? {
    guard steadySeconds() - stranger.since < patience,
      let bytes = stranger.socket.receive(WatchHello.bytes - stranger.hello.count)
    else { return nil }
    var stranger = stranger
    stranger.hello += bytes
    guard stranger.hello.count == WatchHello.bytes else { return stranger }
    let hello = stranger.hello.withUnsafeBytes { $0.loadUnaligned(as: WatchHello.self) }
    guard let rank = Int(exactly: hello.rank), (1..<ranks).contains(rank),
      let key = hello.key(challenge: stranger.challenge, jobKey: offer.key)
    else { return nil }
    var welcome = SealedHeartbeat(Heartbeat(.welcome, rank: 0), sequence: 0)
    welcome.send(to: stranger.socket.descriptor, key: key)
    // A rank that comes again had no time to wait for the first welcome.
    joined[rank] = (stranger.socket, key)
    return nil
  }
}

extension WatchOffer {
  package var text: String {
    ([String(key.low), String(key.high)] + places.map { "\($0.address):\($0.port)" }).joined(separator: " ")
  }

  package init(text: String) {
    let words = text.split(separator: " ").map(String.init)
    let places = words.dropFirst(2).compactMap { word -> WatchPlace? in
      let sides = word.split(separator: ":")
      return sides.count == 2 ? UInt16(sides[1]).map { WatchPlace(address: String(sides[0]), port: $0) } : nil
    }
    guard words.count >= 2, let low = UInt64(words[0]), let high = UInt64(words[1]), places.count == words.count - 2 else {
      fatalError("JobWatch.start: rank 0's offer \"\(text)\" cannot be read; all ranks must run the same program")
    }
    self.init(key: SipKey(low: low, high: high), places: places)
  }
}
