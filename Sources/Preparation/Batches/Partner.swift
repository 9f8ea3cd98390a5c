// Who computes the other of two networks on the same batch, and what both tell each other of it.

/// The process that computes the other of two networks on this batch, at the same time.
public struct Partner {
  /// The network that is computed here: 0 or 1.
  public let network: Int
  private let exchangeBytes: ([UInt8]) throws -> [UInt8]

  /// - Parameter exchange: gives the other process bytes and returns as many of it.
  public init(network: Int, exchange: @escaping ([UInt8]) throws -> [UInt8]) {
    (self.network, exchangeBytes) = (network, exchange)
  }

  /// A partner that says what is said here, for rehearsals.
  public static func echo(network: Int) -> Partner { Partner(network: network) { $0 } }

  /// The labels of the same samples by both networks, in their order. Both processes call it.
  public func both(_ own: [[UInt8]]) throws -> [[[UInt8]]] {
    var rest = try exchangeBytes(Array(own.joined()))[...]
    return inOrder(
      own,
      own.map { labels in
        defer { rest = rest.dropFirst(labels.count) }
        return Array(rest.prefix(labels.count))
      })
  }

  /// As many numbers of both networks, in their order. Both processes call it.
  public func both(_ own: [Double]) throws -> [[Double]] {
    let bytes = try own.withUnsafeBytes { try exchangeBytes(Array($0)) }
    return inOrder(own, bytes.withUnsafeBytes { $0.indices.isEmpty ? [] : Array($0.bindMemory(to: Double.self)) })
  }

  private func inOrder<Value>(_ own: Value, _ other: Value) -> [Value] { network == 0 ? [own, other] : [other, own] }
}
