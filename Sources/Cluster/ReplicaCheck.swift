// Whether all ranks hold the same: a plan at the start, the state of the run every so many steps. Ranks that drift apart silently
// are the worst failure of a study: every result after it is wrong.

import MPI
import Tensors

/// A hash of flat vectors; one changed word always changes it.
public struct StateHash: Sendable {
  /// Four chains, so that the processor need not wait for one multiplication after the other.
  private var chains = SIMD4<UInt64>(1, 2, 3, 4)

  public init() {}

  public mutating func add(_ values: UnsafeBufferPointer<Float>) {
    let bytes = UnsafeRawBufferPointer(values), block = MemoryLayout<SIMD4<UInt64>>.size
    var chains = chains
    var offset = 0
    while offset + block <= bytes.count {
      chains = Self.link(chains, bytes.loadUnaligned(fromByteOffset: offset, as: SIMD4<UInt64>.self))
      offset += block
    }
    while offset < bytes.count {
      chains = Self.link(chains, SIMD4(UInt64(bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)), 0, 0, 0))
      offset += MemoryLayout<Float>.size
    }
    self.chains = chains
  }

  public mutating func add(_ text: String) { chains = Self.link(chains, SIMD4(fnv1a64(text), 0, 0, 0)) }

  /// A bijection of each chain, so that two vectors that differ in one word never meet again. The shift brings high bits down, else
  /// two changed signs would cancel.
  @inline(__always) private static func link(_ chains: SIMD4<UInt64>, _ words: SIMD4<UInt64>) -> SIMD4<UInt64> {
    let product = (chains ^ words) &* 0x9E37_79B9_7F4A_7C15
    return product ^ (product &>> 32)
  }

  public var value: UInt64 { (0..<4).reduce(0) { mixBits($0 ^ chains[$1]) } }
}

/// The ranks whose hash is not the one that most ranks have; all of them where no hash is more frequent than every other, since
/// nothing then shows who is right. Empty if all are equal.
public func dissentingRanks(_ hashes: [UInt64]) -> [Int] {
  let counts = Dictionary(grouping: hashes) { $0 }.mapValues(\.count)
  guard counts.count > 1, let most = counts.values.max() else { return [] }
  let winners = counts.filter { $0.value == most }.keys
  return hashes.indices.filter { winners.count > 1 || hashes[$0] != winners.first }
}

/// Ranks with their hosts, for messages: "rank 1 on lab2 and rank 3 on lab4".
public func named(_ ranks: [Int], hosts: [String]) -> String {
  ranks.map { "rank \($0) on \(hosts[$0])" }.joined(separator: " and ")
}

/// Throws the same error on every rank unless all ranks pass the same text. Collective.
public func requireAlike(_ text: String, _ what: String, over world: borrowing Communicator) throws(ClusterError) {
  let (texts, hosts) = try clustered { () throws(MPIError) in
    (try world.allgather(text: String(fnv1a64(text))), try world.allgather(text: Communicator.hostName))
  }
  let ranks = dissentingRanks(texts.map { UInt64($0)! })
  guard !ranks.isEmpty else { return }
  throw ClusterError(
    "\(what) of \(named(ranks, hosts: hosts)) differs from the others': "
      + "start the same program with the same arguments on all ranks.", isShared: true)
}

/// Throws the same error on every rank, naming those that have drifted away, unless all hashes are equal. Collective where they are not.
/// - Parameter hashes: the state of each rank after `step` steps; none if the ranks did not compare.
public func requireSameState(_ hashes: [UInt64], step: Int, over world: borrowing Communicator) throws(ClusterError) {
  let ranks = dissentingRanks(hashes)
  guard !ranks.isEmpty else { return }
  let hosts = try clustered { () throws(MPIError) in try world.allgather(text: Communicator.hostName) }
  throw ClusterError(
    "after step \(step) the state of the run on \(named(ranks, hosts: hosts)) is not that of the other ranks. "
      + "Look for faulty memory or another type of processor there, and start the same command again without that host.",
    isShared: true)
}
