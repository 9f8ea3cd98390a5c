// Two ranks that share lanes, of which each computes one of two networks: what they tell each other while they do, and the averaged gradients that
// they give each other, so that both hold the whole state of the run.

import MPI
import Tensors

/// The way from a rank to the one that computes the other network on the same lanes. One for each rank in the layout `network`.
///
/// All calls are for the main thread, while no bucket is on its way.
public final class RankPair {
  /// The two ranks; numbers are those of their networks.
  private var communicator: Communicator
  /// The network of this rank: 0 or 1.
  public var network: Int { communicator.rank }
  private var other: Int { 1 - network }
  /// Itself until it is closed: the message space of a run that an error ends can no longer be freed, which takes both ranks.
  private var open: RankPair?

  /// Pairs the ranks 0 and 1, 2 and 3, and so on. Collective.
  init(over world: borrowing Communicator) throws(MPIError) {
    communicator = try world.split(color: world.rank / 2)
    open = self
  }

  /// Gives the other rank bytes and returns those that it gives, as many.
  public func exchange(_ bytes: [UInt8]) throws(ClusterError) -> [UInt8] {
    try clustered { () throws(MPIError) in
      var received = [UInt8](repeating: 0, count: bytes.count)
      try received.withUnsafeMutableBufferPointer { (received) throws(MPIError) in
        try bytes.withUnsafeBufferPointer { (sent) throws(MPIError) in
          try communicator.exchange(
            UnsafeRawBufferPointer(sent), for: UnsafeMutableRawBufferPointer(received), with: other)
        }
      }
      return received
    }
  }

  /// Gives the other rank the averages that this one has, and fills in those that the other has.
  func exchange(_ own: [LaneAverage], for others: [LaneAverage]) throws(MPIError) {
    for place in 0..<max(own.count, others.count) {
      try communicator.exchange(
        UnsafeRawBufferPointer(bytes(of: own, place)), for: bytes(of: others, place), with: other)
    }
  }

  /// Returns when the other rank has called it.
  func meet() throws(MPIError) { try communicator.barrier() }

  /// Frees the message space, after the last exchange. Both ranks call it.
  func close() throws(MPIError) {
    try communicator.free()
    open = nil
  }

  /// The memory of an average; none where the network has no such average.
  private func bytes(of averages: [LaneAverage], _ place: Int) -> UnsafeMutableRawBufferPointer {
    guard averages.indices.contains(place) else { return UnsafeMutableRawBufferPointer(start: nil, count: 0) }
    let average = averages[place].average
    return UnsafeMutableRawBufferPointer(start: average.pointer, count: average.count * MemoryLayout<Float>.stride)
  }
}
