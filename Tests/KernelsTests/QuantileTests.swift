// Medians and quantiles of numbers whose answers are known.

import Kernels
import Testing

@Suite struct QuantileTests {
  @Test(arguments: [([3], 3), ([1, 9, 2], 2), ([4, 1, 3, 2], 2.5)] as [([Double], Double)]) func theMedianIsTheMiddle(
    _ values: [Double], _ middle: Double
  ) {
    #expect(median(values) == middle)
  }

  @Test func quantilesLieBetweenTheirNeighbours() {
    #expect([0, 0.1, 0.5, 1].map { quantile(ofSorted: [1, 2, 4, 8, 16], $0) } == [1, 1.4, 4, 16])
    #expect(quantile(ofSorted: [7], 0.3) == 7 && median([]).isNaN)
  }
}
