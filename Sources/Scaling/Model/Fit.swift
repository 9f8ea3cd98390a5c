// Fitting the model: linear least squares of relative errors, twice. First latency and bandwidth from times of MPI_Allreduce,
// then the step of one node and its jitter from steps whose communication is thereby known.

import Foundation

/// The time of one allreduce.
public struct AllreduceTime: Sendable {
  public var nodes: Int
  public var bytes: Int
  public var seconds: Double

  public init(nodes: Int, bytes: Int, seconds: Double) { (self.nodes, self.bytes, self.seconds) = (nodes, bytes, seconds) }
}

/// The time of a step, as a repeat found it.
public struct NodeStep: Sendable {
  public var nodes: Int
  /// Lanes of the busiest rank over those at the smallest number of nodes.
  public var load: Double
  public var seconds: Double

  public init(nodes: Int, load: Double, seconds: Double) { (self.nodes, self.load, self.seconds) = (nodes, load, seconds) }
}

extension NetworkModel {
  /// α and β that fit best, neither below zero, for a known γ.
  /// - Throws: without times of two message sizes or more on two nodes or more.
  public init(fitting times: [AllreduceTime], addSecondsPerByte: Double) throws(ScalingError) {
    let used = times.filter { $0.nodes > 1 && $0.seconds > 0 }
    guard Set(used.map(\.bytes)).count > 1 else {
      throw ScalingError(
        "The model needs allreduce times of two message sizes on two nodes or more: "
          + "give the study the key allreduce, for example [4K, 256K, 4M]."
      )
    }
    let (alpha, beta) = nonNegativeFit(
      used.map { time in
        let p = Double(time.nodes), moved = (p - 1) / p * Double(time.bytes), rest = time.seconds - moved * addSecondsPerByte
        return (2 * log2(p) / time.seconds, 2 * moved / time.seconds, rest / time.seconds)
      })
    self.init(latency: alpha, secondsPerByte: beta, addSecondsPerByte: addSecondsPerByte)
  }
}

extension StepModel {
  /// The step of one node and the jitter that fit best.
  /// - Throws: without steps on two numbers of nodes.
  public init(fitting steps: [NodeStep], network: NetworkModel, exchange: Exchange) throws(ScalingError) {
    guard Set(steps.map(\.nodes)).count > 1 else {
      throw ScalingError("The model needs steps on two numbers of nodes or more: measure more of the study's nodes first.")
    }
    let (seconds, excess) = nonNegativeFit(
      steps.map { step in
        let rest = step.seconds - exchange.exposedSeconds(network, nodes: step.nodes)
        return (step.load / step.seconds, step.load * slowestOfNodes(step.nodes) / step.seconds, rest / step.seconds)
      })
    guard seconds > 0 else {
      throw ScalingError(
        "Communication alone explains the measured steps: measure steps that compute longer than they communicate.")
    }
    self.init(network: network, exchange: exchange, nodeSeconds: seconds, jitter: excess / seconds)
  }
}

/// x and y, neither below zero, with the least sum of (a x + b y - c)² over the rows (a, b, c).
package func nonNegativeFit(_ rows: [(a: Double, b: Double, c: Double)]) -> (x: Double, y: Double) {
  func sum(_ term: ((a: Double, b: Double, c: Double)) -> Double) -> Double { rows.reduce(0) { $0 + term($1) } }
  let aa = sum { $0.a * $0.a }, ab = sum { $0.a * $0.b }, bb = sum { $0.b * $0.b }
  let ac = sum { $0.a * $0.c }, bc = sum { $0.b * $0.c }
  let determinant = aa * bb - ab * ab
  if determinant > 1e-12 * aa * bb {
    let x = (ac * bb - bc * ab) / determinant, y = (bc * aa - ac * ab) / determinant
    if x >= 0, y >= 0 { return (x, y) }
  }
  // The best point lies on a border: the better of the two.
  let x = aa > 0 ? max(0, ac / aa) : 0, y = bb > 0 ? max(0, bc / bb) : 0
  return x * (2 * ac - x * aa) >= y * (2 * bc - y * bb) ? (x, 0) : (0, y)
}
