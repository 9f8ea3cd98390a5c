// TCP for the watch: a listening socket, a connection that carries heartbeats. Nothing here ever blocks longer than its comment
// states.

import Foundation

/// A connection to another rank. Heartbeats are small and few: one that does not fit into the kernel's buffer means that the other
/// side is gone, which its silence shows.
final class WatchSocket {
  let descriptor: Int32
  private var pending: [UInt8] = []

  init(descriptor: Int32) {
    self.descriptor = descriptor
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    var yes: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
  }

  deinit { close(descriptor) }

  /// Connects to an IPv4 address within `seconds`; nil if nobody answers there.
  init?(address: String, port: UInt16, seconds: Double) {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return nil }
    var place = socketAddress(port: port)
    inet_pton(AF_INET, address, &place.sin_addr)
    let outcome = withGenericAddress(&place) { connect(descriptor, $0, $1) }
    guard outcome == 0 || errno == EINPROGRESS, waitFor(descriptor, POLLOUT, seconds: seconds) else { return nil }
    var failure: Int32 = 0, length = socklen_t(MemoryLayout<Int32>.size)
    guard getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failure, &length) == 0, failure == 0 else { return nil }
  }

  func send(_ heartbeat: Heartbeat) {
    withUnsafeBytes(of: heartbeat) { _ = Foundation.send(descriptor, $0.baseAddress, Heartbeat.bytes, Int32(MSG_NOSIGNAL)) }
  }

  /// What has come, and whether the connection still stands.
  func receive() -> (heartbeats: [Heartbeat], isOpen: Bool) {
    var chunk = [UInt8](repeating: 0, count: 16 * Heartbeat.bytes), isOpen = true
    while true {
      let count = recv(descriptor, &chunk, chunk.count, 0)
      if count > 0 { pending += chunk[..<count] } else if count == 0 || (errno != EAGAIN && errno != EINTR) { isOpen = false }
      if count <= 0 { break }
    }
    var heartbeats: [Heartbeat] = []
    while pending.count >= Heartbeat.bytes {
      heartbeats.append(pending.withUnsafeBytes { $0.loadUnaligned(as: Heartbeat.self) })
      pending.removeFirst(Heartbeat.bytes)
    }
    return (heartbeats, isOpen)
  }
}

/// The socket at which rank 0 waits for the others.
final class WatchListener {
  let descriptor: Int32
  let port: UInt16

  init() throws(ClusterError) {
    let listening = socket(
      AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var place = socketAddress(port: 0), length = socklen_t(MemoryLayout<sockaddr_in>.size)
    guard listening >= 0, withGenericAddress(&place, { bind(listening, $0, $1) }) == 0, listen(listening, 1024) == 0 else {
      throw ClusterError(
        "Cannot listen for the other ranks: \(String(cString: strerror(errno))). Check the limits on open files and sockets.")
    }
    _ = withUnsafeMutablePointer(to: &place) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(listening, $0, &length) }
    }
    (descriptor, port) = (listening, UInt16(bigEndian: place.sin_port))
  }

  deinit { close(descriptor) }

  func accept() -> WatchSocket? {
    let connection = Foundation.accept(descriptor, nil, nil)
    return connection >= 0 ? WatchSocket(descriptor: connection) : nil
  }
}

/// Every IPv4 address of this host but its loopback.
func hostAddresses() -> [String] {
  var first: UnsafeMutablePointer<ifaddrs>?
  guard getifaddrs(&first) == 0 else { return [] }
  defer { freeifaddrs(first) }
  var addresses: [String] = [], next = first
  while let interface = next {
    next = interface.pointee.ifa_next
    guard let address = interface.pointee.ifa_addr, Int32(address.pointee.sa_family) == AF_INET else { continue }
    guard interface.pointee.ifa_flags & UInt32(IFF_LOOPBACK) == 0 else { continue }
    var number = address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { $0.pointee.sin_addr }
    var text = [CChar](repeating: 0, count: Int(INET_ADDRSTRLEN))
    guard inet_ntop(AF_INET, &number, &text, socklen_t(INET_ADDRSTRLEN)) != nil else { continue }
    addresses.append(text.withUnsafeBufferPointer { String(cString: $0.baseAddress!) })
  }
  return addresses
}

/// Waits until `descriptor` is ready.
func waitFor(_ descriptor: Int32, _ events: Int32, seconds: Double) -> Bool {
  var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
  return poll(&entry, 1, Int32(seconds * 1000)) == 1
}

private func socketAddress(port: UInt16) -> sockaddr_in {
  var place = sockaddr_in()
  place.sin_family = sa_family_t(AF_INET)
  place.sin_port = port.bigEndian
  return place
}

private func withGenericAddress<Result>(
  _ place: inout sockaddr_in, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
) -> Result {
  withUnsafePointer(to: &place) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
  }
}
