// Fixed point against integers that Swift rounds: any length, either sign, halves; and magnitudes that order as they should.

import Kernels
import Testing

@Suite struct FixedPointTests {
  @Test(arguments: [1, 3, 16, 37, 2048, 5001]) func sumsAreThoseOfRoundedNumbers(count: Int) {
    let scale = 4096.0
    let values = (0..<count).map { (index: Int) -> Float in
      let sign: Float = index % 2 == 0 ? 0.3 : -0.3
      return sign * Float(index) + Float(index % 5) / 8192
    }
    let addends = (0..<count).map { Int64($0) << 40 }
    var sums = (0..<count).map { Int64(1 - $0) }
    let largest = addFixedPoint(values, scale: scale, to: &sums, count: count)
    addFixedPoint(addends, to: &sums, count: count)
    let greatest = values.map { abs($0) }.max()!
    #expect(Float(bitPattern: UInt32(largest)) == greatest)
    let expected = (0..<count).map { (index: Int) -> Int64 in
      let rounded = Int64((Double(values[index]) * scale).rounded(.toNearestOrEven))
      return Int64(1 - index) + rounded + addends[index]
    }
    #expect(sums == expected)
    var back = [Float](repeating: .nan, count: count)
    let factor = 1 / (3 * scale)
    fromFixedPoint(sums, factor: factor, into: &back, count: count)
    #expect(back == expected.map { (sum: Int64) -> Float in Float(Double(sum) * factor) })
  }

  @Test func aBadValueHasTheGreatestMagnitude() {
    func largest(_ value: Float) -> Int32 {
      var sums = [Int64](repeating: 0, count: 20)
      return addFixedPoint((0..<20).map { $0 == 13 ? value : Float($0) }, scale: 1, to: &sums, count: 20)
    }
    let infinity = Int32(bitPattern: Float.infinity.bitPattern)
    #expect(largest(-.greatestFiniteMagnitude) == infinity - 1 && largest(-.infinity) == infinity)
    #expect(largest(.nan) > infinity && largest(-.nan) > infinity)
  }
}
