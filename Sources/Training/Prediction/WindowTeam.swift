// Ranks that predict one volume together, where there are fewer volumes than ranks: its windows are dealt round, and the first rank adds their scores in
// the order of visit, so that the label map has the same bits on any number of ranks.

import Cluster
import MPI

/// The ranks that share the windows of one volume. All of them read it.
struct WindowTeam {
  /// The first of them puts the scores together.
  private let ranks: [Int]
  private let place: Int

  /// One rank by itself.
  init(alone rank: Int) { (ranks, place) = ([rank], 0) }

  /// The team of this rank where `count` volumes, fewer than ranks, are dealt round.
  init(of count: Int, over world: borrowing Communicator) {
    let first = world.rank % count
    ranks = Array(stride(from: first, to: world.size, by: count))
    place = world.rank / count
  }

  var isFirst: Bool { place == 0 }

  /// Whether this rank computes the scores of a window.
  func isOwn(_ window: Int) -> Bool { window % ranks.count == place }

  /// Does `body` on every rank of the team.
  /// - Returns: what it returns; nil where it failed on another rank, which will tell.
  func together<Value>(over world: borrowing Communicator, _ body: () throws -> Value) throws -> Value? {
    let outcome: Result<Value, any Error>
    do { outcome = .success(try body()) } catch { outcome = .failure(error) }
    var isDone = if case .success = outcome { true } else { false }
    let peers = ranks.dropFirst()
    if isFirst {
      for peer in peers { isDone = try world.receiveNumber(from: peer) > 0 && isDone }
      for peer in peers { try world.send(isDone ? 1 : 0, to: peer) }
    } else {
      try world.send(isDone ? 1 : 0, to: ranks[0])
      isDone = try world.receiveNumber(from: ranks[0]) > 0
    }
    let value = try outcome.get()
    return isDone ? value : nil
  }

  /// Sends the scores of this rank's next window to the first rank.
  func send(_ scores: [Float], over world: borrowing Communicator) throws {
    try scores.withUnsafeBytes { bytes in
      for piece in pieces(of: bytes.count) { try world.send(UnsafeRawBufferPointer(rebasing: bytes[piece]), to: ranks[0]) }
    }
  }

  /// Waits for the scores of a window that another rank computes, `count` values.
  func scores(of window: Int, count: Int, over world: borrowing Communicator) throws -> [Float] {
    var scores = [Float](repeating: 0, count: count)
    try scores.withUnsafeMutableBytes { bytes in
      for piece in pieces(of: bytes.count) {
        try world.receive(into: UnsafeMutableRawBufferPointer(rebasing: bytes[piece]), from: ranks[window % ranks.count])
      }
    }
    Flight.tick()
    return scores
  }

  /// A message has at most 256 MiB.
  private func pieces(of count: Int) -> [Range<Int>] {
    stride(from: 0, to: count, by: 256 << 20).map { $0..<min($0 + (256 << 20), count) }
  }
}
