// Lanes: the global batch is a fixed number of them, whatever the number of ranks, so that nothing a run computes depends on who computes it.

import Tensors

/// What a rank computes of its lanes.
public enum RankLayout: String, Sendable, CaseIterable {
  /// All networks.
  case data
  /// One of two networks: the rank beside it has the same lanes and computes the other one (`RankPair`).
  case network

  /// The number of ranks that share a lane.
  var ranksOfLane: Int { self == .data ? 1 : 2 }
  /// Which of the two networks a rank computes in the layout `network`: 0 or 1.
  public static func network(ofRank rank: Int) -> Int { rank % 2 }
}

/// The assignment of lanes to ranks and of cases to lanes.
public struct LanePlan: Sendable {
  public let lanes: Int
  private let layout: RankLayout

  /// - Throws: if there are more ranks than lanes have work for, no lanes, or ranks that make no pairs.
  public init(lanes: Int, ranks: Int, layout: RankLayout = .data) throws(ClusterError) {
    guard lanes > 0 else { throw ClusterError("The run has \(lanes) lanes. Set the number of lanes to 1 or more.") }
    guard ranks % layout.ranksOfLane == 0 else {
      throw ClusterError(
        "layout: network lets two ranks share the two networks, and of \(ranks) ranks one would be left over: start an even number of them, or set "
          + "layout: data.")
    }
    let most = lanes * layout.ranksOfLane
    guard ranks <= most else {
      throw ClusterError(
        "There are \(ranks) ranks but only \(lanes) lanes, so \(ranks - most) ranks would have no work. "
          + "Start at most \(most) ranks, or raise the number of lanes (that changes the global batch).")
    }
    (self.lanes, self.layout) = (lanes, layout)
  }

  /// The lanes of one rank: a contiguous run; the runs' lengths differ by at most 1.
  public func lanes(ofRank rank: Int, of ranks: Int) -> Range<Int> {
    evenRun(of: lanes, part: rank / layout.ranksOfLane, of: ranks / layout.ranksOfLane)
  }

  /// The cases of one lane: the identifiers in an order drawn from `seed`, dealt round to the lanes.
  ///
  /// Depends on the set of identifiers, not on their order. With fewer identifiers than lanes they are dealt again from the first, so that no lane
  /// is empty.
  /// - Parameter stratum: of an identifier: those of a stratum are dealt one after the other, so that each lane gets its part of it.
  public func shard(
    lane: Int, of identifiers: [String], seed: UInt64, stratum: (String) -> String = { _ in "" }
  ) -> [String] {
    let shuffled = permuted(
      identifiers.sorted(), key: RandomKey(seed: seed, volume: "shards", draw: 0, stream: RandomStream.dataOrder))
    let dealt = Dictionary(grouping: shuffled, by: stratum).sorted { $0.key < $1.key }.flatMap(\.value)
    guard dealt.count > lanes else { return dealt.isEmpty ? [] : [dealt[lane % dealt.count]] }
    return stride(from: lane, to: dealt.count, by: lanes).map { dealt[$0] }
  }
}

/// Part `part` of `parts` consecutive runs that make up `0 ..< count` and whose lengths differ by at most 1.
func evenRun(of count: Int, part: Int, of parts: Int) -> Range<Int> {
  count * part / parts..<count * (part + 1) / parts
}

/// Fisher and Yates' shuffle with numbers drawn by index from `key`.
package func permuted<Value>(_ values: [Value], key: RandomKey) -> [Value] {
  var values = values
  for last in stride(from: values.count - 1, to: 0, by: -1) {
    values.swapAt(last, key.integer(UInt64(last), below: last + 1))
  }
  return values
}
