// Where the ranks sit: hosts, the processors that each may use, NUMA domains, and whether ranks get in each other's way.

import Foundation
import Kernels

let placementCheck = DoctorCheck("placement", collect: { _ in PlacementFacts() }, judge: judgePlacement)

/// The processors of a rank.
package struct PlacementFacts: Codable, Sendable {
  package let allowed: ProcessorList
  package let threads: Int
  /// Processors of each NUMA domain of the host.
  package let domains: [ProcessorList]
  /// Processors that share a core with the first one; 1 where hyper-threading is off or unknown.
  package let threadsPerCore: Int

  package init(allowed: ProcessorList, threads: Int, domains: [ProcessorList], threadsPerCore: Int) {
    (self.allowed, self.threads, self.domains, self.threadsPerCore) = (allowed, threads, domains, threadsPerCore)
  }

  init() {
    allowed = .ofThisProcess
    threads = Threads.count
    domains = (0..<1024).lazy.map { systemText("/sys/devices/system/node/node\($0)/cpulist") }.prefix { $0 != nil }
      .compactMap { $0.flatMap { ProcessorList($0) } }
    let siblings = systemText("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list").flatMap { ProcessorList($0) }
    threadsPerCore = siblings?.processors.count ?? 1
  }
}

/// One line for each host.
package func judgePlacement(_ all: [Placed<PlacementFacts>]) -> [Finding] {
  all.onePerHost().map { host in
    let ranks = all.filter { $0.host == host.host }
    let union = ranks.reduce(Set<Int>()) { $0.union($1.facts.allowed.processors) }
    let masks = Set(ranks.map(\.facts.allowed.text)).sorted().joined(separator: " | ")
    let threads = ranks.reduce(0) { $0 + $1.facts.threads }
    let domains = max(1, host.facts.domains.count)
    var value =
      "\(rankList(ranks.map(\.rank))) on processor\(union.count == 1 ? "" : "s") \(masks), "
      + "\(Set(ranks.map(\.facts.threads)).sorted().map(String.init).joined(separator: " or ")) threads each, "
      + "\(domains) NUMA domain\(domains == 1 ? "" : "s")"
    if host.facts.threadsPerCore > 1 { value += ", \(host.facts.threadsPerCore) processors to a core" }
    let what = "host \(host.host)"
    if threads > union.count {
      let fair = max(1, union.count / ranks.count)
      return .warning(
        what, value + ": \(threads) threads on \(union.count) processors",
        hint: ranks.count > union.count
          ? "start at most \(union.count) ranks on this host (slots= in the hostfile, --ntasks-per-node)"
          : "let the ranks use the whole host with --bind-to none and -x OMP_NUM_THREADS=\(fair), or give each its own with "
            + "--map-by slot:PE=N --bind-to core")
    }
    if let pair = overlap(ranks) {
      return .warning(
        what, value + ": \(rankList(pair)) share processors in part",
        hint: "bind ranks to separate processors with --map-by slot:PE=N --bind-to core, or not at all with --bind-to none")
    }
    return .ok(what, value)
  }
}

/// Two ranks whose processors overlap without being the same.
private func overlap(_ ranks: [Placed<PlacementFacts>]) -> [Int]? {
  for (index, one) in ranks.enumerated() {
    for other in ranks[(index + 1)...] {
      let (a, b) = (one.facts.allowed.processors, other.facts.allowed.processors)
      if a != b, !a.isDisjoint(with: b) { return [one.rank, other.rank] }
    }
  }
  return nil
}
