// Lanes: the global batch is a fixed number of them, whatever the number of ranks, so that nothing a run computes depends on who computes it.

import Tensors

/// The assignment of lanes to ranks and of cases to lanes.
public struct LanePlan: Sendable {
  public let lanes: Int

  /// - Throws: if there are more ranks than lanes, or no lanes.
  public init(lanes: Int, ranks: Int) throws(ClusterError) {
    guard lanes > 0 else { throw ClusterError("The run has \(lanes) lanes. Set the number of lanes to 1 or more.") }
    guard ranks <= lanes else {
      throw ClusterError(
        "There are \(ranks) ranks but only \(lanes) lanes, so \(ranks - lanes) ranks would have no work. "
          + "Start at most \(lanes) ranks, or raise the number of lanes (that changes the global batch).")
    }
    self.lanes = lanes
  }

  /// The lanes of one rank: a contiguous run; the runs' lengths differ by at most 1.
  public func lanes(ofRank rank: Int, of ranks: Int) -> Range<Int> { evenRun(of: lanes, part: rank, of: ranks) }

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
