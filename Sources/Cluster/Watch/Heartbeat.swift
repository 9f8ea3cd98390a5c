// The one message of the watch: what a rank is doing, sent every second between rank 0 and each other rank over plain TCP.

import Glibc

/// A message of the watch; it travels as its bytes in memory.
package struct Heartbeat: BitwiseCopyable {
  package enum Kind: UInt8 {
    /// Rank 0's answer to a rank that has come.
    case welcome
    case heartbeat
    /// The sender has done its work and leaves in peace.
    case goodbye
    /// The sender, or a rank that it received this from, has printed why the job ends: nobody else need.
    case reported
    /// The sender has crashed and has printed that.
    case crashed
  }
  var kind: UInt8
  /// Whether the rank is inside an MPI call.
  package var isInMPI = false
  /// The sender.
  var rank: Int32
  /// The signal of a crash; 0 without one.
  var signal: Int32 = 0
  /// How long the last operation has lasted, or its last piece, seconds in which the rank ran.
  package var seconds = 0.0
  /// The longest that a piece of this phase has taken on this rank before, seconds; 0 if none has ended.
  package var longest = 0.0
  package var record = FlightRecord()

  package init(_ kind: Kind, rank: Int) {
    self.kind = kind.rawValue
    self.rank = Int32(rank)
  }
}

/// A heartbeat on its way: numbered, and sealed with the key of its connection.
package struct SealedHeartbeat: BitwiseCopyable {
  /// The hash of all bytes after it.
  private var seal: UInt64 = 0
  /// Grows with every message of the sender.
  var sequence: UInt64
  var heartbeat: Heartbeat

  package static let bytes = MemoryLayout<SealedHeartbeat>.size

  package init(_ heartbeat: Heartbeat, sequence: UInt64) { (self.sequence, self.heartbeat) = (sequence, heartbeat) }

  /// Seals the message where it lies, since bytes between its fields count as well, and sends it. What does not fit into the kernel's buffer means
  /// that the other side has not read for minutes: nothing is sent, or nothing any more after a part of a message. Allowed in a signal handler.
  package mutating func send(to descriptor: Int32, key: SipKey) {
    let sent = withUnsafeMutableBytes(of: &self) { bytes in
      bytes.storeBytes(of: sipHash(UnsafeRawBufferPointer(rebasing: bytes[8...]), key: key), as: UInt64.self)
      return Glibc.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
    }
    if sent > 0, sent < Self.bytes { shutdown(descriptor, Int32(SHUT_WR)) }
  }

  /// The message in `bytes`; nil unless its seal is right.
  static func opened(_ bytes: UnsafeRawBufferPointer, key: SipKey) -> SealedHeartbeat? {
    let message = bytes.loadUnaligned(as: SealedHeartbeat.self)
    return message.seal == sipHash(UnsafeRawBufferPointer(rebasing: bytes[8..<Self.bytes]), key: key) ? message : nil
  }
}
