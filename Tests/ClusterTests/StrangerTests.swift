// Whoever can reach the port of a watch: floods, idle connections, half words, recorded hellos. Ranks come in all the same, and nothing else does.

import Cluster
import Foundation
import TestSupport
import Testing

/// A connection of somebody to a port of the loopback, which ends when it is forgotten.
private final class Stranger {
  let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)

  init?(port: UInt16) {
    var place = sockaddr_in(), limit = timeval(tv_sec: 5, tv_usec: 0)
    (place.sin_family, place.sin_port) = (sa_family_t(AF_INET), port.bigEndian)
    inet_pton(AF_INET, "127.0.0.1", &place.sin_addr)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    let outcome = withUnsafePointer(to: &place) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
    }
    if outcome != 0 { return nil }
  }

  deinit { close(descriptor) }

  /// - Returns: whether the other side still takes it.
  @discardableResult func send(_ bytes: [UInt8]) -> Bool {
    Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count
  }

  /// What comes next, `count` bytes at most; nil when the other side has closed.
  func receive(_ count: Int) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    let received = recv(descriptor, &bytes, count, 0)
    return received > 0 ? Array(bytes[..<received]) : nil
  }

  func challenge() throws -> SipKey { try #require(receive(16)).withUnsafeBytes { $0.loadUnaligned(as: SipKey.self) } }

  /// Closes with a reset.
  func reset() {
    var linger = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
  }
}

private func bytes<Value: BitwiseCopyable>(_ value: Value) -> [UInt8] { withUnsafeBytes(of: value) { Array($0) } }

@Suite struct SipHashTests {
  /// The published values for the key 00, 01, … 0f and messages 00, 01, … of the given length.
  @Test(
    arguments: [
      (0, 0x726f_db47_dd0e_0e31), (1, 0x74f8_39c5_93dc_67fd), (7, 0xab02_00f5_8b01_d137), (8, 0x93f5_f579_9a93_2462),
      (15, 0xa129_ca61_49be_45e5), (63, 0x958a_324c_eb06_4572),
    ] as [(Int, UInt64)])
  func hashesArePublishedOnes(length: Int, expected: UInt64) {
    let message = (0..<length).map { UInt8($0) }
    let key = SipKey(low: 0x0706_0504_0302_0100, high: 0x0f0e_0d0c_0b0a_0908)
    #expect(message.withUnsafeBytes { sipHash($0, key: key) } == expected)
  }
}

@Suite struct GreeterTests {
  /// A greeter of three ranks on the loopback while `body` runs, which then gets ranks 1 and 2; nobody listens after it.
  func greet(_ body: (UInt16, WatchOffer) throws -> Void) throws {
    let greeter = try Greeter(addresses: ["127.0.0.1"], ranks: 3), offer = greeter.offer, port = offer.places[0].port
    #expect(WatchOffer(text: offer.text) == offer)
    greeter.start()
    try body(port, offer)
    let own = [1, 2].map { join(offer, rank: $0) }
    let peers = greeter.finish(with: [1, 2])
    #expect(peers.map(\.rank) == [1, 2] && own.allSatisfy { $0?.rank == 0 }, "the ranks have come")
    #expect(peers.map(\.key) == own.map { $0?.key }, "a key for each connection")
    #expect(Stranger(port: port) == nil, "nobody listens any more")
    // What rank 0 sends reaches them, and the other way round.
    for (near, far) in zip(peers, own.compactMap { $0 }) {
      PeerTable([near]).send(Heartbeat(.goodbye, rank: 0))
      PeerTable([far]).send(Heartbeat(.heartbeat, rank: near.rank))
      var (inbox, outbox) = (Inbox(far), Inbox(near))
      #expect(inbox.waited().count == 1 && outbox.waited().count == 1)
      close(near.descriptor)
      close(far.descriptor)
    }
  }

  @Test func floodsAreCutOff() throws {
    try greet { port, _ in
      let stranger = try #require(Stranger(port: port)), block = [UInt8](repeating: 0, count: 1 << 16)
      var taken = 0
      while taken < 1 << 30, stranger.send(block) { taken += block.count }
      #expect(taken < 64 << 20, "no more than what the kernel holds")
    }
  }

  @Test func idleConnectionsCostFewDescriptors() throws {
    try greet { port, _ in
      func open() -> Int { ((try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []).count }
      let before = open(), held = (0..<200).compactMap { _ in Stranger(port: port) }
      #expect(held.count == 200)
      // The first has been turned away when its connection is at its end.
      while held[0].receive(16) != nil {}
      #expect(open() - before - held.count <= 200 / 2, "of 200 connections the other end is mostly closed")
    }
  }

  @Test func halfWordsRandomBytesAndResetsAreNothing() throws {
    try greet { port, _ in
      var generator = SystemRandomNumberGenerator()
      for trial in 0..<40 {
        let stranger = try #require(Stranger(port: port))
        stranger.send((0..<[1, 16, 31, 32, 33, 500][trial % 6]).map { _ in UInt8.random(in: 0...255, using: &generator) })
        if trial % 3 == 0 { shutdown(stranger.descriptor, Int32(SHUT_WR)) }
        if trial % 3 == 1 { stranger.reset() }
      }
    }
  }

  @Test func aRecordedHelloIsOfNoUse() throws {
    try greet { port, offer in
      let first = try #require(Stranger(port: port))
      let hello = bytes(WatchHello(rank: 1, challenge: try first.challenge(), jobKey: offer.key))
      first.send(hello)
      #expect(first.receive(1) != nil, "it was right the first time")
      for stolen in [hello, Array(hello.reversed())] {
        let second = try #require(Stranger(port: port))
        _ = try second.challenge()
        second.send(stolen)
        #expect(second.receive(1) == nil, "another connection has another challenge")
      }
      let third = try #require(Stranger(port: port))
      third.send(bytes(WatchHello(rank: 7, challenge: try third.challenge(), jobKey: offer.key)))
      #expect(third.receive(1) == nil, "there is no rank 7")
    }
  }

  @Test func whoSpeaksByteByByteIsTurnedAway() throws {
    try greet { port, _ in
      let stranger = try #require(Stranger(port: port))
      _ = try stranger.challenge()
      while stranger.send([0]) { usleep(100_000) }
    }
  }
}

extension Inbox {
  /// Messages, when some have come.
  fileprivate mutating func waited() -> [Heartbeat] {
    for _ in 0..<500 {
      let (heartbeats, isOpen) = receive()
      if !heartbeats.isEmpty || !isOpen { return heartbeats }
      usleep(10_000)
    }
    return []
  }
}

@Suite struct InboxTests {
  let key = SipKey.random()

  /// Both ends of a connection; the second is a peer's.
  func pair(_ body: (Int32, inout Inbox) throws -> Void) throws {
    var ends: [Int32] = [0, 0]
    try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
    defer { for end in ends { close(end) } }
    var inbox = Inbox(Peer(rank: 1, descriptor: ends[1], key: key))
    try body(ends[0], &inbox)
  }

  @Test func onlyNewSealedMessagesOfThePeerAreHeard() throws {
    try pair { far, inbox in
      var good = SealedHeartbeat(Heartbeat(.heartbeat, rank: 1), sequence: 1)
      good.send(to: far, key: key)
      good.send(to: far, key: key)
      var forged = SealedHeartbeat(Heartbeat(.crashed, rank: 1), sequence: 2)
      forged.send(to: far, key: .random())
      var anothers = SealedHeartbeat(Heartbeat(.crashed, rank: 2), sequence: 3)
      anothers.send(to: far, key: key)
      var last = SealedHeartbeat(Heartbeat(.goodbye, rank: 1), sequence: .max)
      last.send(to: far, key: key)
      #expect(inbox.receive().heartbeats.count == 2, "once each, and nothing that is forged or another's")
    }
  }

  @Test func messagesInPiecesAreWhole() throws {
    try pair { far, inbox in
      var ends: [Int32] = [0, 0]
      try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
      defer { for end in ends { close(end) } }
      for sequence in 1...40 {
        var message = SealedHeartbeat(Heartbeat(.heartbeat, rank: 1), sequence: UInt64(sequence))
        message.send(to: ends[0], key: key)
      }
      var sent = [UInt8](repeating: 0, count: 40 * SealedHeartbeat.bytes)
      try #require(recv(ends[1], &sent, sent.count, Int32(MSG_WAITALL)) == sent.count)
      var heard = 0, start = 0
      while start < sent.count {
        let count = min(77, sent.count - start)
        _ = send(far, Array(sent[start..<start + count]), count, 0)
        start += count
        heard += inbox.receive().heartbeats.count
      }
      #expect(heard == 40)
    }
  }

  @Test func aConnectionThatEndsIsNoticed() throws {
    try pair { far, inbox in
      #expect(inbox.receive().isOpen)
      shutdown(far, Int32(SHUT_RDWR))
      #expect(!inbox.receive().isOpen)
    }
  }
}

@Suite struct WatchAddressTests {
  func host(_ name: String, _ words: String...) -> (name: String, addresses: [NetworkAddress]) {
    (name, words.enumerated().compactMap { NetworkAddress(interface: "e\($0.offset)", $0.element) })
  }
  let open = NetworkChoice(included: nil, excluded: nil)

  /// The bridge of containers has the same address on every host, a public address is not the others' network.
  @Test func onlyNetworksOfAllHostsAreListenedOn() {
    let hosts = [
      host("lab1", "127.0.0.1/8", "10.77.0.1/24", "172.17.0.1/16", "203.0.113.9/24"),
      host("lab2", "127.0.0.1/8", "10.77.0.2/24", "172.17.0.1/16"),
    ]
    #expect(watchAddresses(hosts, open).map(\.dottedAddress) == ["10.77.0.1"])
  }

  @Test func whatMPIWasToldHolds() {
    let hosts = [host("lab1", "10.77.0.1/24", "10.78.0.1/24"), host("lab2", "10.77.0.2/24", "10.78.0.2/24")]
    func chosen(_ included: String?, _ excluded: String? = nil) -> [String] {
      watchAddresses(hosts, NetworkChoice(included: included, excluded: excluded)).map(\.dottedAddress)
    }
    #expect(chosen(nil) == ["10.77.0.1", "10.78.0.1"])
    #expect(chosen("10.78.0.0/24") == ["10.78.0.1"] && chosen("e0") == ["10.77.0.1"])
    #expect(chosen(nil, "127.0.0.1/8,e0") == ["10.78.0.1"] && chosen("e7") == [])
  }

  @Test func hostsBehindRoutersUseWhatThereIs() {
    let hosts = [host("lab1", "127.0.0.1/8", "10.1.0.1/24"), host("lab2", "10.2.0.1/24")]
    #expect(watchAddresses(hosts, open).map(\.dottedAddress) == ["10.1.0.1"])
  }
}
