// Averaging in 64-bit fixed point: integer addition is associative, so the same lanes give the same bits on any number of ranks in
// any order (shared/spec/distributed.md 4.3, tier 2). P parameters in one flat vector.
//
// The unit of the fixed point is a power of two fixed before the step: 2^-34 of a power of two that bounds the greatest gradient of
// the step before. So gradients may grow 2^16-fold from one step to the next, each value keeps 50 bits, and 2^12 lanes fit in the
// sum. The rounding of the average is at most 2^-35 of the greatest gradient of the step before. What decides (the greatest
// magnitude over lanes) does not depend on the ranks.

import MPI

public final class ExactAverager: GradientAverager {
  public static let name = "exact"
  public static let summary = "64-bit fixed point: the same bits on any number of ranks"

  /// Bits of a value, and of the number of lanes.
  private static let valueBits = 50
  private static let mostLanes = 1 << 12
  /// Powers of two by which the greatest gradient may exceed that of the step before.
  private static let headroomBits = 16
  /// Of the first step, before any gradient is known: gradients below 2^16 in units of 2^-34.
  private static let firstExponent = 0

  private let sum: LaneSum<Int64>
  /// The greatest gradient of the step before is below 2^expectedExponent; `exponent` is what this step counts with.
  private var expectedExponent = firstExponent, exponent = firstExponent

  public init(parameterCount: Int) { sum = LaneSum(count: parameterCount, zero: 0) }

  public var parameterCount: Int { sum.values.count }
  public var largestBits: Int32 { sum.largestBits }
  public var carried: String { "\(expectedExponent)" }

  public func restore(carried: String) throws(ClusterError) {
    guard let exponent = Int(carried), abs(exponent) <= 100 else {
      throw ClusterError(
        "The checkpoint's averager state is \"\(carried)\", not an exponent. Continue the run with the averager it began with.")
    }
    expectedExponent = exponent
  }

  public func begin() {
    sum.begin()
    exponent = expectedExponent
  }

  public func add(_ values: UnsafeBufferPointer<Float>, at range: Range<Int>) {
    let scale = scale
    sum.add(range) { sums, replaces in
      replaces
        ? forEachRounded(values, scale) { index, value in sums[index] = value.whole }
        : forEachRounded(values, scale) { index, value in sums[index] &+= value.whole }
    }
  }

  public func reduce(_ range: Range<Int>, over communicator: borrowing Communicator) throws(MPIError) {
    try sum.reduce(range, over: communicator)
  }

  public func mean(of range: Range<Int>, lanes: Int, into average: UnsafeMutablePointer<Float>) {
    let sums = sum.values.baseAddress! + range.lowerBound, factor = 1 / (scale * Double(lanes))
    for index in 0..<range.count { average[index] = Float(Double(sums[index]) * factor) }
  }

  public func addLast(
    _ values: UnsafeBufferPointer<Float>, at range: Range<Int>, lanes: Int, into average: UnsafeMutablePointer<Float>
  ) {
    let scale = scale, factor = 1 / (scale * Double(lanes))
    sum.add(range) { sums, replaces in
      replaces
        ? forEachRounded(values, scale) { index, value in average[index] = Float(value.real * factor) }
        : forEachRounded(values, scale) { index, value in average[index] = Float(Double(sums[index] &+ value.whole) * factor) }
    }
  }

  public func judge(lanes: Int, largestBits: Int32) throws(ClusterError) -> AveragingOutcome {
    guard lanes <= Self.mostLanes else {
      throw ClusterError(
        "The exact averager adds at most \(Self.mostLanes) lanes, not \(lanes). Use fewer lanes or the averager fast.")
    }
    guard largestBits < MagnitudeBits.infinity else { return .nonFinite }
    let largest = Float(bitPattern: UInt32(largestBits))
    let limit = Float(sign: .plus, exponent: exponent + Self.headroomBits, significand: 1)
    if largest > 0 { expectedExponent = min(max(Int(largest.exponent) + 1, -100), 100) }
    guard largest < limit else { return .outOfRange(largest: largest) }
    return .averaged(largest: largest)
  }

  /// Units in 1: a power of two.
  private var scale: Double {
    Double(sign: .plus, exponent: Self.valueBits - Self.headroomBits - exponent, significand: 1)
  }
}

/// A number rounded to nearest. Adding 1.5·2^52 to a Double of magnitude up to 2^51 leaves its nearest integer in the low bits of the sum: a
/// conversion without branches, which the compiler vectorises and which cannot trap on what is out of range (`judge` finds that by the
/// magnitude).
private struct Rounded {
  private static let magic = 0x1.8p52
  private let shifted: Double

  @inline(__always) init(_ number: Double) { shifted = number + Self.magic }

  @inline(__always) var whole: Int64 { Int64(bitPattern: shifted.bitPattern) &- Int64(bitPattern: Self.magic.bitPattern) }
  /// The same number. Most processors have no vector instruction that would make it of `whole`.
  @inline(__always) var real: Double { shifted - Self.magic }
}

/// Hands on each value of `gradient` in units of 1/scale, rounded, and returns the bits of the greatest magnitude.
@inline(__always) private func forEachRounded(
  _ gradient: UnsafeBufferPointer<Float>, _ scale: Double, _ body: (_ index: Int, _ value: Rounded) -> Void
) -> Int32 {
  let values = gradient.baseAddress!
  var largest: Int32 = 0
  for index in 0..<gradient.count {
    largest = max(largest, MagnitudeBits.of(values[index]))
    body(index, Rounded(Double(values[index]) * scale))
  }
  return largest
}
