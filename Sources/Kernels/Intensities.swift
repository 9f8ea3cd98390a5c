// What changes of an image's intensities need: moments and range of n values, powers, and lines with bounds. No result depends on the number of
// threads.

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Mean, sample standard deviation and range of values.
public struct IntensityStatistics: Equatable, Sendable {
  public let mean, standardDeviation: Double
  public let lowest, highest: Float

  /// - Parameter count: of the values, at least 1.
  public init(_ x: UnsafePointer<Float>, count: Int) {
    let pivot = x[0], slots = 4
    let blocks = (count + Self.block - 1) / Self.block
    var parts = [Double](repeating: 0, count: blocks * slots)
    parts.withUnsafeMutableBufferPointer { parts in
      let base = parts.baseAddress!
      forEachBlock(blocks) { number in
        let start = number * Self.block
        Self.measure(x + start, count: min(Self.block, count - start), pivot: pivot, into: base + number * slots)
      }
    }
    var (sum, squares, low, high) = (0.0, 0.0, parts[2], parts[3])
    for number in 0..<blocks {
      sum += parts[number * slots]
      squares += parts[number * slots + 1]
      (low, high) = (min(low, parts[number * slots + 2]), max(high, parts[number * slots + 3]))
    }
    let offset = sum / Double(count)
    mean = Double(pivot) + offset
    standardDeviation = count > 1 ? (max(0, squares - sum * offset) / Double(count - 1)).squareRoot() : 0
    (lowest, highest) = (Float(low), Float(high))
  }

  private static let block = 1 << 12

  /// Sum and sum of squares of the differences from the pivot, lowest and highest.
  private static func measure(_ x: UnsafePointer<Float>, count: Int, pivot: Float, into parts: UnsafeMutablePointer<Double>) {
    var sum = SIMD8<Float>(repeating: 0), squares = sum, low = SIMD8<Float>(repeating: x[0]), high = low, at = 0
    while at + 8 <= count {
      let values = UnsafeRawPointer(x + at).loadUnaligned(as: SIMD8<Float>.self), difference = values - pivot
      sum += difference
      squares += difference * difference
      low.replace(with: values, where: values .< low)
      high.replace(with: values, where: values .> high)
      at += 8
    }
    (parts[0], parts[1], parts[2], parts[3]) = (0, 0, Double(low.min()), Double(high.max()))
    for lane in 0..<8 {
      parts[0] += Double(sum[lane])
      parts[1] += Double(squares[lane])
    }
    for index in at..<count {
      let difference = Double(x[index] - pivot)
      parts[0] += difference
      parts[1] += difference * difference
      (parts[2], parts[3]) = (min(parts[2], Double(x[index])), max(parts[3], Double(x[index])))
    }
  }
}

/// x = min(max(factor · x + addend, lowest), highest), n values.
public func applyLine(
  _ x: UnsafeMutablePointer<Float>, factor: Float, addend: Float, within range: (lowest: Float, highest: Float), count: Int
) {
  parallelFor(count, grain: 1 << 15) { start, end in
    for index in start..<end {
      let value = factor * x[index] + addend
      let raised = value < range.lowest ? range.lowest : value
      x[index] = raised > range.highest ? range.highest : raised
    }
  }
}

/// x = (factor · x + addend)^exponent, n values; what is below 0 counts as 0.
public func applyPower(_ x: UnsafeMutablePointer<Float>, factor: Float, addend: Float, exponent: Float, count: Int) {
  parallelFor(count, grain: 1 << 12) { start, end in
    for index in start..<end { x[index] = powf(max(0, factor * x[index] + addend), exponent) }
  }
}

/// x = a smooth curve of x, n values: through `knots`, which lie evenly from `lowest` to `highest`, level at each of them and between its neighbours in
/// between; outside as at the ends.
public func applyCurve(
  _ x: UnsafeMutablePointer<Float>, through knots: [Float], from lowest: Float, to highest: Float, count: Int
) {
  let cells = Float(knots.count - 1), scale = cells / (highest - lowest)
  knots.withUnsafeBufferPointer { knots in
    nonisolated(unsafe) let knots = knots.baseAddress!
    parallelFor(count, grain: 1 << 13) { start, end in
      for index in start..<end {
        let position = min(max((x[index] - lowest) * scale, 0), cells), cell = min(Int(position), Int(cells) - 1)
        let share = position - Float(cell)
        x[index] = knots[cell] + share * share * (3 - 2 * share) * (knots[cell + 1] - knots[cell])
      }
    }
  }
}
