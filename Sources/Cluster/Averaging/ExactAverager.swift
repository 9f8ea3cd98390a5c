// Averaging in 64-bit fixed point: integer addition is associative, so the same lanes give the same bits on any number of ranks in
// any order. P parameters in one flat vector.
//
// The unit of the fixed point is a power of two fixed before the step: 2^-34 of a power of two that bounds the greatest gradient of
// the step before. So gradients may grow 2^16-fold from one step to the next, each value keeps 50 bits, and 2^12 lanes fit in the
// sum. The rounding of the average is at most 2^-35 of the greatest gradient of the step before. What decides (the greatest
// magnitude over lanes) does not depend on the ranks.

import Kernels
import MPI

public final class ExactAverager: GradientAverager {
  public static let name = "exact"
  public static let summary = "64-bit fixed point: the same bits on any number of ranks"

  /// Bits of a value, and of the number of lanes.
  private static let valueBits = 50
  private static let mostLanes = 1 << 12
  /// Powers of two by which the greatest gradient may exceed that of the step before.
  private static let headroomBits = 16
  /// The exponent of the first step, before any gradient is known: gradients below 2^16 in units of 2^-34.
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
      var largest: Int32 = 0
      forEachPiece(of: range.count) { piece in
        let sums = sums + piece.lowerBound
        if replaces { sums.update(repeating: 0, count: piece.count) }
        let values = values.baseAddress! + piece.lowerBound
        largest = max(largest, addFixedPoint(values, scale: scale, to: sums, count: piece.count))
      }
      return largest
    }
  }

  public func average(
    _ gradient: UnsafeMutableBufferPointer<Float>, at range: Range<Int>, lanes: Int, over communicator: borrowing Communicator
  ) throws(MPIError) {
    let scale = scale
    guard Self.sendsGradients(lanes: lanes, ranks: communicator.size) else {
      add(UnsafeBufferPointer(gradient), at: range)
      let sums = UnsafeBufferPointer(rebasing: sum.values[range])
      return try communicator.allreduce(sums, into: gradient) { sources, averages in
        writeMeans(into: averages, lanes: lanes) { sums, piece in
          for source in sources { addFixedPoint(source + piece.lowerBound, to: sums, count: piece.count) }
        }
      }
    }
    try communicator.allreduce(UnsafeBufferPointer(gradient), into: gradient) { sources, averages in
      writeMeans(into: averages, lanes: lanes) { sums, piece in
        for source in sources {
          sum.raise(largestBits: addFixedPoint(source + piece.lowerBound, scale: scale, to: sums, count: piece.count))
        }
      }
    }
  }

  public func average(_ gradient: UnsafeMutableBufferPointer<Float>, at range: Range<Int>, lanes: Int) {
    let scale = scale
    sum.add(range) { before, replaces in
      var largest: Int32 = 0
      writeMeans(into: gradient, lanes: lanes) { sums, piece in
        if !replaces { sums.update(from: before + piece.lowerBound, count: piece.count) }
        let values = gradient.baseAddress! + piece.lowerBound
        largest = max(largest, addFixedPoint(values, scale: scale, to: sums, count: piece.count))
      }
      return largest
    }
  }

  /// Whether ranks send gradients: with one lane each, the receiver can make the fixed-point numbers of them.
  private static func sendsGradients(lanes: Int, ranks: Int) -> Bool { lanes == ranks }

  public static func bytesOfValue(lanes: Int, ranks: Int) -> Int {
    let sent = sendsGradients(lanes: lanes, ranks: ranks) ? MemoryLayout<Float>.stride : MemoryLayout<Int64>.stride
    return (sent + MemoryLayout<Float>.stride) / 2
  }

  /// Writes averages piece by piece: `add` adds what all lanes have for a piece to sums of zero.
  private func writeMeans(
    into averages: UnsafeMutableBufferPointer<Float>, lanes: Int,
    adding add: (_ sums: UnsafeMutablePointer<Int64>, _ piece: Range<Int>) -> Void
  ) {
    let factor = 1 / (scale * Double(lanes))
    withUnsafeTemporaryAllocation(of: Int64.self, capacity: pieceCount) { buffer in
      let sums = buffer.baseAddress!
      forEachPiece(of: averages.count) { piece in
        sums.update(repeating: 0, count: piece.count)
        add(sums, piece)
        fromFixedPoint(sums, factor: factor, into: averages.baseAddress! + piece.lowerBound, count: piece.count)
      }
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

/// Sums per block: a block fits into the L1 cache.
private let pieceCount = 2048

/// Consecutive ranges of `pieceCount` numbers at most.
private func forEachPiece(of count: Int, _ body: (Range<Int>) -> Void) {
  for first in stride(from: 0, to: count, by: pieceCount) { body(first..<min(first + pieceCount, count)) }
}
