// Averaging in single precision; the last bits depend on the number of ranks, and on whether they share a host. P parameters in one
// flat vector.

import MPI

public final class FastAverager: GradientAverager {
  public static let name = "fast"
  public static let summary = "single precision: the last bits depend on the number of ranks"

  private let sum: LaneSum<Float>

  public init(parameterCount: Int) { sum = LaneSum(count: parameterCount, zero: 0) }

  public var parameterCount: Int { sum.values.count }
  public var largestBits: Int32 { sum.largestBits }
  public var carried: String { "" }

  public func restore(carried: String) throws(ClusterError) {}

  public func begin() { sum.begin() }

  public func add(_ values: UnsafeBufferPointer<Float>, at range: Range<Int>) {
    sum.add(range) { sums, replaces in
      forEach(values) { index, value in sums[index] = (replaces ? 0 : sums[index]) + value }
    }
  }

  public func average(
    _ gradient: UnsafeMutableBufferPointer<Float>, at range: Range<Int>, lanes: Int, over communicator: borrowing Communicator
  ) throws(MPIError) {
    add(UnsafeBufferPointer(gradient), at: range)
    let sums = UnsafeMutableBufferPointer(rebasing: sum.values[range]), factor = 1 / Float(lanes)
    try communicator.allreduce(sums, .sum)
    for index in sums.indices { gradient[index] = sums[index] * factor }
  }

  public static func bytesOfValue(lanes: Int, ranks: Int) -> Int { MemoryLayout<Float>.stride }

  public func average(_ gradient: UnsafeMutableBufferPointer<Float>, at range: Range<Int>, lanes: Int) {
    let factor = 1 / Float(lanes)
    sum.add(range) { sums, replaces in
      forEach(UnsafeBufferPointer(gradient)) { index, value in gradient[index] = ((replaces ? 0 : sums[index]) + value) * factor }
    }
  }

  public func judge(lanes: Int, largestBits: Int32) throws(ClusterError) -> AveragingOutcome {
    guard largestBits < MagnitudeBits.infinity else { return .nonFinite }
    let largest = Float(bitPattern: UInt32(largestBits))
    return largest < .greatestFiniteMagnitude / Float(lanes) ? .averaged(largest: largest) : .outOfRange(largest: largest)
  }
}

/// Hands on each value and returns the bits of the greatest magnitude.
@inline(__always) private func forEach(
  _ gradient: UnsafeBufferPointer<Float>, _ body: (_ index: Int, _ value: Float) -> Void
) -> Int32 {
  let values = gradient.baseAddress!
  var largest: Int32 = 0
  for index in 0..<gradient.count {
    largest = max(largest, MagnitudeBits.of(values[index]))
    body(index, values[index])
  }
  return largest
}
