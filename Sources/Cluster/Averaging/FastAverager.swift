// Averaging in single precision: half the bytes of the exact averager on the wire; the last bits depend on the number of ranks, and on
// whether they share a host. P parameters in one flat vector.

import MPI

public final class FastAverager: GradientAverager {
  public static let name = "fast"
  public static let summary = "single precision: half the bytes of exact; the last bits depend on the number of ranks"

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

  public func reduce(_ range: Range<Int>, over communicator: borrowing Communicator) throws(MPIError) {
    try sum.reduce(range, over: communicator)
  }

  public func mean(of range: Range<Int>, lanes: Int, into average: UnsafeMutablePointer<Float>) {
    let sums = sum.values.baseAddress! + range.lowerBound, factor = 1 / Float(lanes)
    for index in 0..<range.count { average[index] = sums[index] * factor }
  }

  public func addLast(
    _ values: UnsafeBufferPointer<Float>, at range: Range<Int>, lanes: Int, into average: UnsafeMutablePointer<Float>
  ) {
    let factor = 1 / Float(lanes)
    sum.add(range) { sums, replaces in
      forEach(values) { index, value in average[index] = ((replaces ? 0 : sums[index]) + value) * factor }
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
