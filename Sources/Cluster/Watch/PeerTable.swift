// The connections of this process as plain numbers in fixed memory, so that a crash handler and a failing main thread can tell
// the others, too.

import Foundation

/// One entry for each rank; never released.
struct PeerTable: @unchecked Sendable {
  private let descriptors: UnsafeMutablePointer<Int32>
  private let count: Int

  init(ranks: Int) {
    descriptors = .allocate(capacity: ranks)
    descriptors.initialize(repeating: -1, count: ranks)
    count = ranks
  }

  /// The connection to `rank`; -1 for none.
  func set(_ descriptor: Int32, rank: Int) { descriptors[rank] = descriptor }

  /// Sends a message to every rank that this process is connected with. Allowed in a signal handler.
  func send(_ heartbeat: UnsafePointer<Heartbeat>) {
    for rank in 0..<count where descriptors[rank] >= 0 {
      _ = Foundation.send(descriptors[rank], heartbeat, Heartbeat.bytes, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
    }
  }
}
