// The IPv4 networks of hosts, and which one connects them all. mpirun tries every network that it finds; one that leads nowhere
// (Docker's bridge, a VPN) makes a job hang at its first message (open-mpi/ompi issues 6377, 12508).

import Foundation

/// An address of a host with the network it lies in.
public struct NetworkAddress: Codable, Sendable, Equatable {
  public let interface: String
  /// The four bytes of the address, the first uppermost.
  public let address: UInt32
  /// How many leading bits are the network's.
  public let prefix: Int

  public init(interface: String, address: UInt32, prefix: Int) {
    (self.interface, self.address, self.prefix) = (interface, address, prefix)
  }

  /// Reads `10.77.0.1/24`; nil for anything else.
  public init?(interface: String, _ text: String) {
    guard let match = text.wholeMatch(of: /(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})/) else { return nil }
    let bytes = [match.1, match.2, match.3, match.4].compactMap { UInt8($0) }
    guard bytes.count == 4, let prefix = Int(match.5), prefix <= 32 else { return nil }
    self.init(interface: interface, address: bytes.reduce(0) { $0 << 8 | UInt32($1) }, prefix: prefix)
  }

  /// `10.77.0.0/24`
  public var network: String {
    let mask: UInt32 = prefix == 0 ? 0 : ~0 << UInt32(32 - prefix)
    return "\(dotted(address & mask))/\(prefix)"
  }

  /// `10.77.0.1`
  package var dottedAddress: String { dotted(address) }

  /// `e0/10.77.0.1/24`, as one word for other ranks.
  var text: String { "\(interface)/\(dottedAddress)/\(prefix)" }

  init?(text: String) {
    let parts = text.split(separator: "/", maxSplits: 1).map(String.init)
    guard parts.count == 2 else { return nil }
    self.init(interface: parts[0], parts[1])
  }

  /// Whether `other` lies in this network.
  func contains(_ other: NetworkAddress) -> Bool {
    network == NetworkAddress(interface: "", address: other.address, prefix: prefix).network
  }

  /// Whether it can reach other hosts at all: not the loopback, no address that a host gave itself for want of one.
  var leadsOut: Bool { address >> 24 != 127 && address >> 16 != 0xA9FE }

  /// The addresses of this host on interfaces that are up.
  public static var ofThisHost: [NetworkAddress] {
    var list: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&list) == 0 else { return [] }
    defer { freeifaddrs(list) }
    var found: [NetworkAddress] = []
    var item = list
    while let entry = item?.pointee {
      item = entry.ifa_next
      guard let address = ipv4(entry.ifa_addr), let mask = ipv4(entry.ifa_netmask),
        entry.ifa_flags & UInt32(IFF_UP) != 0
      else { continue }
      found.append(NetworkAddress(interface: String(cString: entry.ifa_name), address: address, prefix: mask.nonzeroBitCount))
    }
    return found
  }

  private static func ipv4(_ address: UnsafeMutablePointer<sockaddr>?) -> UInt32? {
    guard let address, address.pointee.sa_family == sa_family_t(AF_INET) else { return nil }
    return address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { UInt32(bigEndian: $0.pointee.sin_addr.s_addr) }
  }

  /// The addresses in what `ip -o -4 addr show` prints.
  public static func parse(ipOutput text: String) -> [NetworkAddress] {
    text.split(separator: "\n").compactMap { line in
      let words = line.split(separator: " ", omittingEmptySubsequences: true)
      guard let place = words.firstIndex(of: "inet"), words.count > max(1, place + 1) else { return nil }
      return NetworkAddress(interface: String(words[1]), String(words[place + 1]))
    }
  }
}

private func dotted(_ address: UInt32) -> String {
  [24, 16, 8, 0].map { String(address >> UInt32($0) & 255) }.joined(separator: ".")
}

/// The networks in which every host has an address of its own, in the order of the first host.
///
/// A bridge of virtual machines or containers has the same network on every host and connects none: there the hosts have the same
/// address.
public func sharedNetworks(_ hosts: [(name: String, addresses: [NetworkAddress])]) -> [String] {
  guard let first = hosts.first else { return [] }
  var seen: Set<String> = []
  return first.addresses.filter { $0.leadsOut && seen.insert($0.network).inserted }.map(\.network).filter { network in
    let found = hosts.map { host in host.addresses.first { $0.network == network }?.address }
    return found.allSatisfy { $0 != nil } && Set(found).count == hosts.count
  }
}

/// What to add to an mpirun line so that data and control travel over `network`.
public func mpirunOptions(network: String) -> [String] {
  ["--mca", "btl_tcp_if_include", network, "--mca", "oob_tcp_if_include", network]
}
