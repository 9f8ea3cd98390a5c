// The ranks of a job come together for the watch: rank 0 listens where all can reach it, and nobody listens any more once they have come.

import Foundation
import MPI

/// Connects every rank with rank 0. Collective.
/// - Returns: this rank's connections, and the ranks that could not be connected.
func meet(_ hosts: [String], over world: borrowing Communicator) throws(ClusterError) -> (peers: [Peer], missing: [Int]) {
  guard world.size > 1 else { return ([], []) }
  let rank = world.rank, addresses = NetworkAddress.ofThisHost.map(\.text).joined(separator: " ")
  let all = try clustered { () throws(MPIError) in try world.allgather(text: addresses) }
  let greeter = try together(over: world) { world in
    rank == 0 ? try Greeter(addresses: listeningAddresses(hosts, all), ranks: world.size) : nil
  }
  let offer = greeter?.offer.text ?? ""
  greeter?.start()
  do {
    let shared = try clustered { () throws(MPIError) in WatchOffer(text: try world.broadcast(text: offer)) }
    let peer = rank > 0 ? join(shared, rank: rank) : nil
    let answers = try clustered { () throws(MPIError) in try world.allgather(text: peer != nil ? "here" : "") }
    let present = answers.indices.filter { !answers[$0].isEmpty }
    let missing = answers.indices.filter { $0 > 0 && answers[$0].isEmpty }
    return (greeter?.finish(with: present) ?? peer.map { [$0] } ?? [], missing)
  } catch {
    _ = greeter?.finish(with: [])
    throw error
  }
}

/// Where rank 0 listens: on the loopback alone if all ranks are on its host.
/// - Parameter texts: the addresses of each rank's host.
private func listeningAddresses(_ hosts: [String], _ texts: [String]) -> [String] {
  guard Set(hosts).count > 1 else { return ["127.0.0.1"] }
  let environment = ProcessInfo.processInfo.environment
  let all = zip(hosts, texts).map { host, text in
    (name: host, addresses: text.split(separator: " ").compactMap { NetworkAddress(text: String($0)) })
  }
  let choice = NetworkChoice(
    included: environment["OMPI_MCA_btl_tcp_if_include"], excluded: environment["OMPI_MCA_btl_tcp_if_exclude"])
  return watchAddresses(all, choice).map(\.dottedAddress)
}

/// The networks that MPI was told to use for data or to leave alone: names of interfaces and address ranges, `eth0,10.77.0.0/24`.
package struct NetworkChoice {
  private let included: [String]?
  private let excluded: [String]

  package init(included: String?, excluded: String?) {
    func words(_ text: String) -> [String] { text.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) } }
    (self.included, self.excluded) = (included.map(words), excluded.map(words) ?? [])
  }

  func allows(_ address: NetworkAddress) -> Bool {
    func matches(_ word: String) -> Bool {
      word == address.interface || NetworkAddress(interface: "", word).map { $0.contains(address) } == true
    }
    if let included { return included.contains(where: matches) }
    return address.leadsOut && !excluded.contains(where: matches)
  }
}

/// The addresses of rank 0's host at which it listens for ranks of other hosts: those in a network that all hosts share; where there is none, because
/// routers lie between the hosts, all that MPI may use.
/// - Parameter ranks: each rank's host with its addresses, in rank order.
package func watchAddresses(_ ranks: [(name: String, addresses: [NetworkAddress])], _ choice: NetworkChoice) -> [NetworkAddress] {
  var seen: Set<String> = []
  let hosts = ranks.filter { seen.insert($0.name).inserted }
  let candidates = hosts[0].addresses.filter(choice.allows), shared = sharedNetworks(hosts)
  let common = candidates.filter { shared.contains($0.network) }
  return common.isEmpty ? candidates : common
}
