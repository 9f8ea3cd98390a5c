// Averaging in single precision: half the bytes of the exact averager on the wire; the last bits depend on the number of ranks.
// P parameters in one flat vector.

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
      let gradient = values.baseAddress!
      var largest: Int32 = 0
      for index in 0..<values.count {
        largest = max(largest, MagnitudeBits.of(gradient[index]))
        sums[index] = (replaces ? 0 : sums[index]) + gradient[index]
      }
      return largest
    }
  }

  public func reduce(_ range: Range<Int>, over communicator: borrowing Communicator) throws(MPIError) {
    try sum.reduce(range, over: communicator)
  }

  public func settle(
    into average: UnsafeMutableBufferPointer<Float>, lanes: Int, largestBits: Int32
  ) throws(ClusterError) -> AveragingOutcome {
    guard largestBits < MagnitudeBits.infinity else { return .nonFinite }
    let largest = Float(bitPattern: UInt32(largestBits))
    guard largest < .greatestFiniteMagnitude / Float(lanes) else { return .outOfRange(largest: largest) }
    let factor = 1 / Float(lanes)
    for index in 0..<average.count { average[index] = sum.values[index] * factor }
    return .averaged(largest: largest)
  }
}
