// How fast ranks reach each other: latency and bandwidth of every pair of hosts (of every pair of ranks where there is one host),
// in rounds in which all pairs work at once; and how far the hosts' clocks are apart.

import Foundation
import MPI

let linkCheck = DoctorCheck("links") { world, _ in
  guard world.size > 1 else { return [.skipped("links", "one rank")] }
  let hosts = try world.allgather(text: Communicator.hostName)
  // A rank for each host; on a single host all ranks.
  let firsts = hosts.indices.filter { hosts[..<$0].contains(hosts[$0]) == false }
  let ends = firsts.count > 1 ? firsts : Array(hosts.indices.prefix(16))
  let links = try measureLinks(between: ends, over: world)
  let offset = try compareClocks(over: world) { Date().timeIntervalSince1970 }.offset
  let offsets = try gathered(offset, over: world)
  guard world.rank == 0 else { return [] }
  let others = firsts.filter { $0 > 0 }.map { ($0, offsets[$0].facts) }
  return judgeLinks(links, hosts: hosts) + judgeClocks(Dictionary(uniqueKeysWithValues: others), hosts: hosts)
}

/// The link between two ranks.
package struct Link: Codable, Sendable {
  package let from, to: Int
  /// Half a round trip of one byte, seconds.
  package let latency: Double
  /// Bytes in a second, one way.
  package let bandwidth: Double

  package init(from: Int, to: Int, latency: Double, bandwidth: Double) {
    (self.from, self.to, self.latency, self.bandwidth) = (from, to, latency, bandwidth)
  }
}

/// Rounds in which each of `count` players meets another, all pairs once (the circle method); an odd player rests.
package func roundRobin(_ count: Int) -> [[(Int, Int)]] {
  let even = count + count % 2
  guard even > 1 else { return [] }
  return (0..<even - 1).map { round in
    (0..<even / 2).compactMap { place in
      let one = place == 0 ? even - 1 : (round + place) % (even - 1), other = (round + even - 1 - place) % (even - 1)
      return max(one, other) < count ? (min(one, other), max(one, other)) : nil
    }
  }
}

/// Measures the links between pairs of ranks. Collective; rank 0 gets the links.
private func measureLinks(between ends: [Int], over world: borrowing Communicator) throws -> [Link] {
  var measured: [Link] = []
  for round in roundRobin(ends.count) {
    try world.barrier()
    for (one, other) in round.map({ (ends[$0], ends[$1]) }) where [one, other].contains(world.rank) {
      let leads = world.rank == one, peer = leads ? other : one
      _ = try roundTrip(bytes: 1, repeats: 5, leads: leads, peer: peer, world)
      let latency = try roundTrip(bytes: 1, repeats: 30, leads: leads, peer: peer, world) / 2
      // The first large messages set up buffers and open the TCP window.
      _ = try roundTrip(bytes: 1 << 20, repeats: 1, leads: leads, peer: peer, world)
      let seconds = try roundTrip(bytes: 1 << 20, repeats: 4, leads: leads, peer: peer, world) / 2
      if leads { measured.append(Link(from: one, to: other, latency: latency, bandwidth: Double(1 << 20) / seconds)) }
    }
  }
  return try gathered(measured, over: world).flatMap(\.facts)
}

/// Seconds of one round trip, the mean of `repeats`.
private func roundTrip(
  bytes: Int, repeats: Int, leads: Bool, peer: Int, _ world: borrowing Communicator
) throws(MPIError) -> Double {
  let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes, alignment: 64)
  defer { buffer.deallocate() }
  buffer.initializeMemory(as: UInt8.self, repeating: 1)
  let started = ContinuousClock.now
  for _ in 0..<repeats {
    if leads { try world.send(UnsafeRawBufferPointer(buffer), to: peer) }
    try world.receive(into: buffer, from: peer)
    if !leads { try world.send(UnsafeRawBufferPointer(buffer), to: peer) }
  }
  return (ContinuousClock.now - started) / .seconds(Double(repeats))
}

package func judgeLinks(_ links: [Link], hosts: [String]) -> [Finding] {
  let latencies = links.map(\.latency).sorted(), bandwidths = links.map(\.bandwidth).sorted()
  func place(_ link: Link) -> String {
    let (one, other) = (hosts[link.from], hosts[link.to])
    return one == other ? "ranks \(link.from) and \(link.to)" : "\(one) and \(other)"
  }
  let (median, middle) = (latencies[latencies.count / 2], bandwidths[bandwidths.count / 2])
  let slow = links.max { $0.latency < $1.latency }!, narrow = links.min { $0.bandwidth < $1.bandwidth }!
  let latency = "\(microseconds(median)) between \(links.count == 1 ? place(slow) : "\(links.count) pairs")"
  let bandwidth = "\(megabytes(middle)) between \(links.count == 1 ? place(narrow) : "\(links.count) pairs")"
  let hint = "look at that pair's cable, switch port and interface speed (ethtool), and for other traffic"
  return [
    slow.latency > 5 * median && slow.latency > 1e-3
      ? .warning("latency", "\(latency), but \(microseconds(slow.latency)) between \(place(slow))", hint: hint)
      : .ok("latency", latency),
    narrow.bandwidth < 0.5 * middle
      ? .warning("bandwidth", "\(bandwidth), but \(megabytes(narrow.bandwidth)) between \(place(narrow))", hint: hint)
      : .ok("bandwidth", bandwidth),
  ]
}

private func microseconds(_ seconds: Double) -> String { String(format: "%.0f µs", seconds * 1e6) }
private func megabytes(_ rate: Double) -> String { String(format: "%.0f MB/s", rate / 1e6) }

/// - Parameter offsets: by rank, how far its host's clock is from rank 0's, seconds.
package func judgeClocks(_ offsets: [Int: Double], hosts: [String]) -> [Finding] {
  guard let worst = offsets.max(by: { abs($0.value) < abs($1.value) }) else { return [] }
  let value =
    String(format: "%.3f ms apart at most", abs(worst.value) * 1e3) + (offsets.count > 1 ? ", on \(hosts[worst.key])" : "")
  return [
    abs(worst.value) > 1
      ? .warning(
        "clocks", value, hint: "let all hosts keep time with NTP (timedatectl set-ntp true): logs and file times mislead")
      : .ok("clocks", value)
  ]
}
