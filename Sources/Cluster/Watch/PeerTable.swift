// The connections of this process: the watch's thread, a failing main thread and a crash handler may all send to them. They lie in fixed memory and
// their descriptors are never closed, since whoever sends could otherwise hit a file that has taken the number.

import Glibc
import Synchronization

/// A connection that both sides have proved.
package struct Peer: BitwiseCopyable {
  package let rank: Int
  package let descriptor: Int32
  /// The key of this connection alone.
  package let key: SipKey

  package init(rank: Int, descriptor: Int32, key: SipKey) { (self.rank, self.descriptor, self.key) = (rank, descriptor, key) }
}

/// All of them, for sending; never released.
package final class PeerTable: Sendable {
  nonisolated(unsafe) let all: UnsafeBufferPointer<Peer>
  /// The number of the last message.
  private let sequence = Mutex<UInt64>(0)

  package init(_ peers: [Peer]) {
    let memory = UnsafeMutableBufferPointer<Peer>.allocate(capacity: peers.count)
    _ = memory.initialize(from: peers)
    all = UnsafeBufferPointer(memory)
  }

  /// Sends a message to every peer, from one thread at a time: messages arrive in the order of their numbers.
  package func send(_ heartbeat: Heartbeat) {
    sequence.withLock { sequence in
      sequence += 1
      var message = SealedHeartbeat(heartbeat, sequence: sequence)
      for peer in all { message.send(to: peer.descriptor, key: peer.key) }
    }
  }
}

/// What comes from a peer; belongs to the watch's thread.
package struct Inbox {
  let peer: Peer
  private var buffer = [UInt8](repeating: 0, count: 16 * SealedHeartbeat.bytes)
  private var filled = 0
  private var newest: UInt64 = 0

  package init(_ peer: Peer) { self.peer = peer }

  /// What has come, at most sixteen messages at a time so that no peer keeps the thread from the others, and whether the connection still stands.
  /// Messages that the peer did not seal, or that are not newer than the last, are passed over.
  package mutating func receive() -> (heartbeats: [Heartbeat], isOpen: Bool) {
    let start = filled
    let descriptor = peer.descriptor
    let count = buffer.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress! + start, $0.count - start, Int32(MSG_DONTWAIT)) }
    guard count > 0 else { return ([], count < 0 && (errno == EAGAIN || errno == EINTR)) }
    filled += count
    let size = SealedHeartbeat.bytes, key = peer.key, whole = filled / size * size
    let messages = buffer.withUnsafeBytes { bytes in
      stride(from: 0, to: whole, by: size).compactMap {
        SealedHeartbeat.opened(UnsafeRawBufferPointer(rebasing: bytes[$0..<$0 + size]), key: key)
      }
    }
    for index in whole..<filled { buffer[index - whole] = buffer[index] }
    filled -= whole
    return (messages.filter { isNews($0) }.map(\.heartbeat), true)
  }

  private mutating func isNews(_ message: SealedHeartbeat) -> Bool {
    guard message.sequence > newest, Int(message.heartbeat.rank) == peer.rank else { return false }
    newest = message.sequence
    return true
  }
}
