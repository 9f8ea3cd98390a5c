// Averaging in single precision: half the bytes of the exact averager on the wire; the last bits depend on the number of ranks.
// P parameters in one flat vector.

import MPI

public struct FastAverager: GradientAverager {
  public static let name = "fast"
  public static let summary = "single precision: half the bytes of exact; the last bits depend on the number of ranks"

  private var sum: [Float]
  private var largestBits: Int32 = 0

  public init(parameterCount: Int) { sum = [Float](repeating: 0, count: parameterCount) }

  public var carried: String { "" }

  public mutating func restore(carried: String) throws(ClusterError) {}

  public mutating func begin() {
    largestBits = 0
    sum.withUnsafeMutableBufferPointer { $0.update(repeating: 0) }
  }

  public mutating func add(laneGradient: UnsafeBufferPointer<Float>) {
    guard laneGradient.count == sum.count else {
      fatalError("FastAverager.add: \(laneGradient.count) values for \(sum.count) parameters; pass the whole flat gradient")
    }
    var largest = largestBits
    sum.withUnsafeMutableBufferPointer { sum in
      for index in 0..<sum.count {
        largest = max(largest, MagnitudeBits.of(laneGradient[index]))
        sum[index] += laneGradient[index]
      }
    }
    largestBits = largest
  }

  public mutating func finish(
    into average: UnsafeMutableBufferPointer<Float>, lanes: Int, over communicator: borrowing Communicator
  ) throws(ClusterError) -> AveragingOutcome {
    let bits = try greatest(largestBits, over: communicator)
    guard bits < MagnitudeBits.infinity else { return .nonFinite }
    let largest = Float(bitPattern: UInt32(bits))
    guard largest < .greatestFiniteMagnitude / Float(lanes) else { return .outOfRange(largest: largest) }
    try clustered { () throws(MPIError) in try communicator.allreduce(&sum, .sum) }
    let factor = 1 / Float(lanes)
    sum.withUnsafeBufferPointer { sum in
      for index in 0..<sum.count { average[index] = sum[index] * factor }
    }
    return .averaged(largest: largest)
  }
}
