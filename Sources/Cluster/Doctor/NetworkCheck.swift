// Which network the ranks talk over: the one that all hosts share, its packet size and congestion control.

import Foundation

let networkCheck = DoctorCheck("network", collect: { _ in NetworkFacts() }, judge: judgeNetworks)

/// The networks of a rank's host.
package struct NetworkFacts: Codable, Sendable {
  package let addresses: [NetworkAddress]
  /// Largest packet of each interface, bytes.
  package let packetBytes: [String: Int]
  package let congestionControl: String
  /// The networks that mpirun was given for data; nil if none.
  package let chosen: String?

  package init(addresses: [NetworkAddress], packetBytes: [String: Int], congestionControl: String, chosen: String?) {
    (self.addresses, self.packetBytes) = (addresses, packetBytes)
    (self.congestionControl, self.chosen) = (congestionControl, chosen)
  }

  init() {
    let addresses = NetworkAddress.ofThisHost
    self.init(
      addresses: addresses,
      packetBytes: Dictionary(
        addresses.compactMap { entry in
          systemText("/sys/class/net/\(entry.interface)/mtu").flatMap { Int($0) }.map { (entry.interface, $0) }
        }, uniquingKeysWith: { first, _ in first }),
      congestionControl: systemText("/proc/sys/net/ipv4/tcp_congestion_control") ?? "unknown",
      chosen: ProcessInfo.processInfo.environment["OMPI_MCA_btl_tcp_if_include"])
  }

  /// Networks that lead out of the host.
  var networks: [String] {
    var seen: Set<String> = []
    return addresses.filter(\.leadsOut).map(\.network).filter { seen.insert($0).inserted }
  }
}

package func judgeNetworks(_ all: [Placed<NetworkFacts>]) -> [Finding] {
  let hosts = all.onePerHost()
  let list = hosts.prefix(8).map {
    "\($0.host): \($0.facts.networks.isEmpty ? "none" : $0.facts.networks.joined(separator: ", "))"
  }
  .joined(separator: "; ")
  guard hosts.count > 1 else { return [.skipped("network", "one host, nothing to choose; \(list)")] }
  let shared = sharedNetworks(hosts.map { ($0.host, $0.facts.addresses) })
  guard let best = shared.first else {
    return [
      .problem(
        "network", "no network connects all hosts; \(list)",
        hint: "put all hosts into one network, or leave those out that are not in it")
    ]
  }
  return [judgeChoice(hosts, best, list), judgePackets(hosts, best)]
    + [
      sameEverywhere(
        "congestion control", hosts, hint: "set net.ipv4.tcp_congestion_control alike on all hosts (sysctl)", isProblem: false
      ) { $0.congestionControl }
    ]
}

/// A host with several networks needs the choice; with one it does no harm.
private func judgeChoice(_ hosts: [Placed<NetworkFacts>], _ best: String, _ list: String) -> Finding {
  let line = mpirunOptions(network: best).joined(separator: " ")
  if let chosen = hosts[0].facts.chosen {
    let isRight = chosen == best || !hosts.allSatisfy { $0.facts.networks.contains(chosen) }
    return isRight
      ? .ok("network", "\(best) connects all \(hosts.count) hosts; mpirun was given \(chosen)")
      : .warning("network", "mpirun was given \(chosen); \(best) connects all hosts", hint: "mpirun \(line)")
  }
  let isAmbiguous = hosts.contains { $0.facts.networks.count > 1 }
  let value = "\(best) connects all \(hosts.count) hosts"
  return isAmbiguous
    ? .warning("network", "\(value), but there are others and mpirun tries all of them; \(list)", hint: "mpirun \(line)")
    : .ok("network", "\(value): \(line)")
}

private func judgePackets(_ hosts: [Placed<NetworkFacts>], _ network: String) -> Finding {
  sameEverywhere(
    "packet size (MTU)", hosts, hint: "set the same MTU on that interface of all hosts: unequal ones lose large packets"
  ) { facts in
    let interface = facts.addresses.first { $0.network == network }?.interface ?? ""
    return facts.packetBytes[interface].map { "\($0) bytes" } ?? "unknown"
  }
}
