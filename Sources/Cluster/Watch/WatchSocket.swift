// TCP for the watch: sockets that never block longer than their comments state.

import Foundation

/// A connection before both sides have proved that they belong to the job.
final class WatchSocket {
  let descriptor: Int32
  private var isKept = false

  init(descriptor: Int32) {
    self.descriptor = descriptor
    var yes: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
  }

  deinit { if !isKept { close(descriptor) } }

  /// Connects to an IPv4 address within `seconds`; nil if nobody answers there.
  convenience init?(_ place: WatchPlace, seconds: Double) {
    let descriptor = socket(
      AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return nil }
    self.init(descriptor: descriptor)
    var address = socketAddress(place)
    let outcome = withGenericAddress(&address) { connect(descriptor, $0, $1) }
    guard outcome == 0 || errno == EINPROGRESS, waitFor(descriptor, POLLOUT, seconds: seconds) else { return nil }
    var failure: Int32 = 0, length = socklen_t(MemoryLayout<Int32>.size)
    guard getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failure, &length) == 0, failure == 0 else { return nil }
  }

  /// The descriptor, which from now on stays open as long as the process lives.
  func keep() -> Int32 {
    isKept = true
    return descriptor
  }

  /// Sends the bytes of `value`, which are few.
  func send<Value: BitwiseCopyable>(_ value: Value) {
    withUnsafeBytes(of: value) { _ = Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
  }

  /// At most `count` bytes of what has come; nil if the connection is gone.
  func receive(_ count: Int) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    let received = recv(descriptor, &bytes, count, Int32(MSG_DONTWAIT))
    guard received > 0 else { return received < 0 && (errno == EAGAIN || errno == EINTR) ? [] : nil }
    return Array(bytes[..<received])
  }

  /// Exactly `count` bytes; nil if they do not come within `seconds`.
  func receive(exactly count: Int, seconds: Double) -> [UInt8]? {
    var bytes: [UInt8] = []
    let end = steadySeconds() + seconds
    while bytes.count < count, waitFor(descriptor, POLLIN, seconds: max(0, end - steadySeconds())) {
      guard let more = receive(count - bytes.count) else { return nil }
      bytes += more
    }
    return bytes.count == count ? bytes : nil
  }
}

/// An IPv4 address in dots with a port.
package struct WatchPlace: Equatable {
  package let address: String
  package let port: UInt16
}

/// A socket at which rank 0 waits for the others.
final class WatchListener {
  let descriptor: Int32
  let place: WatchPlace

  /// Listens on one address of this host, at a port that is free.
  init(address: String) throws(ClusterError) {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var bound = socketAddress(WatchPlace(address: address, port: 0)), length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let descriptor = descriptor
    guard descriptor >= 0, withGenericAddress(&bound, { bind(descriptor, $0, $1) }) == 0, listen(descriptor, 1024) == 0 else {
      let reason = String(cString: strerror(errno))
      if descriptor >= 0 { close(descriptor) }
      throw ClusterError(
        "Cannot listen for the other ranks on \(address): \(reason). Check the limits on open files and sockets.")
    }
    _ = withUnsafeMutablePointer(to: &bound) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
    }
    place = WatchPlace(address: address, port: UInt16(bigEndian: bound.sin_port))
  }

  deinit { close(descriptor) }

  /// The next connection; nil if there is none, or none can be taken.
  func accept() -> WatchSocket? {
    let connection = Foundation.accept(descriptor, nil, nil)
    guard connection >= 0 else { return nil }
    _ = fcntl(connection, F_SETFL, O_NONBLOCK)
    _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
    return WatchSocket(descriptor: connection)
  }
}

/// Waits until `descriptor` is ready.
func waitFor(_ descriptor: Int32, _ events: Int32, seconds: Double) -> Bool {
  var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
  return poll(&entry, 1, Int32(seconds * 1000)) == 1
}

private func socketAddress(_ place: WatchPlace) -> sockaddr_in {
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = place.port.bigEndian
  inet_pton(AF_INET, place.address, &address.sin_addr)
  return address
}

private func withGenericAddress<Result>(
  _ address: inout sockaddr_in, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
) -> Result {
  withUnsafePointer(to: &address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
  }
}
