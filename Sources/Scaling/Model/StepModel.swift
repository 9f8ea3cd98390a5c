// The latency-bandwidth-jitter model of a step (Thakur, Rabenseifner and Gropp, 2005, for the reduction):
//
//   T(p)   = T1 (1 + sigma sqrt(2 ln p)) + max(t_b, k t_b - T_bwd (k-1)/k)
//   t_b(p) = 2 log2(p) alpha + 2 (p-1)/p (n/k) beta + (p-1)/p (n/k) gamma
//
// p nodes average n bytes in k buckets, which a backward pass of T_bwd hides but for the last. T1 is the step of one node, in
// strong scaling that of the lanes which a rank still has. sigma sqrt(2 ln p) is the usual upper estimate for the slowest of p
// independent nodes. There is no term for a network that is shared or tapered.

import Foundation

/// What the network does, whatever is trained.
public struct NetworkModel: Codable, Sendable, Equatable {
  /// α: of a message, seconds.
  public var latency: Double
  /// β: seconds for each byte on a link.
  public var secondsPerByte: Double
  /// γ: seconds for each byte that is added to another.
  public var addSecondsPerByte: Double

  public init(latency: Double, secondsPerByte: Double, addSecondsPerByte: Double) {
    (self.latency, self.secondsPerByte, self.addSecondsPerByte) = (latency, secondsPerByte, addSecondsPerByte)
  }

  /// The time of an allreduce of `bytes` over `nodes`.
  public func allreduceSeconds(bytes: Double, nodes: Int) -> Double {
    let p = Double(nodes), moved = (p - 1) / p * bytes
    return 2 * log2(p) * latency + 2 * moved * secondsPerByte + moved * addSecondsPerByte
  }
}

/// What is averaged, and how much of that the backward pass can hide.
public struct Exchange: Codable, Sendable, Equatable {
  public var bytes: Int
  public var buckets: Int
  /// The part of the backward pass during which buckets travel, seconds.
  public var backwardSeconds: Double

  public init(bytes: Int, buckets: Int, backwardSeconds: Double) {
    (self.bytes, self.buckets, self.backwardSeconds) = (bytes, buckets, backwardSeconds)
  }

  /// Communication that nothing hides, seconds.
  func exposedSeconds(_ network: NetworkModel, nodes: Int) -> Double {
    guard nodes > 1 else { return 0 }
    let k = Double(buckets), bucket = network.allreduceSeconds(bytes: Double(bytes) / k, nodes: nodes)
    return max(bucket, k * bucket - backwardSeconds * (k - 1) / k)
  }
}

/// Steps of strong or weak scaling on any number of nodes.
public struct StepModel: Codable, Sendable, Equatable {
  public var network: NetworkModel
  public var exchange: Exchange
  /// T1: of a step of one node without communication, seconds.
  public var nodeSeconds: Double
  /// σ: relative standard deviation of a node's step.
  public var jitter: Double

  public init(network: NetworkModel, exchange: Exchange, nodeSeconds: Double, jitter: Double) {
    (self.network, self.exchange, self.nodeSeconds, self.jitter) = (network, exchange, nodeSeconds, jitter)
  }

  /// The time of a step.
  /// - Parameter load: lanes of the busiest rank over those that `nodeSeconds` belongs to.
  public func step(nodes: Int, load: Double) -> StepTime {
    let compute = nodeSeconds * load
    return StepTime(
      compute: compute, wait: compute * jitter * slowestOfNodes(nodes), exposed: exchange.exposedSeconds(network, nodes: nodes),
      input: 0)
  }
}

/// √(2 ln p).
func slowestOfNodes(_ nodes: Int) -> Double { (2 * log(Double(nodes))).squareRoot() }
