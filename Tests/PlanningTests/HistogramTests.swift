// Histograms of intensities: any way of merging gives the same, integers are exact, and quantiles are those of the cases with equal weights.

import Planning
import Tensors
import Testing

@Suite struct HistogramTests {
  private func values(_ seed: UInt64, count: Int, scale: Float = 300) -> [Float] {
    let key = RandomKey(seed)
    return (0..<count).map { scale * Float(key.gaussian(UInt64($0))) }
  }

  private func merged(_ parts: [IntensityHistogram]) -> IntensityHistogram {
    parts.reduce(into: IntensityHistogram()) { $0.merge($1) }
  }

  @Test func anyOrderAndGroupingGivesTheSame() {
    // Enough different values that bits must be dropped, in some cases only after merging.
    let cases = (0..<5).map { IntensityHistogram(counting: values(UInt64($0), count: 9_000 + 30_000 * $0)).normalized() }
    let whole = merged(cases)
    #expect(whole == merged(cases.reversed()))
    #expect(whole == merged([merged([cases[4], cases[1]]), merged([cases[0], cases[2], cases[3]])]))
    #expect(whole.droppedBits > 0 && whole.droppedBits < 14)
  }

  @Test func quantilesAreThoseOfCasesWithEqualWeight() {
    // The small case weighs as much as the large one.
    let small = [Float](repeating: -50, count: 10), large = (0..<1000).map { Float($0) }
    let histogram = merged([small, large].map { IntensityHistogram(counting: $0).normalized() })
    #expect(histogram.droppedBits == 0)
    #expect(histogram.quantile(0.25) == -50 && histogram.quantile(0.75) == 499 && histogram.quantile(1) == 999)
  }

  @Test func droppedBitsCostNextToNothing() {
    let numbers = values(9, count: 200_000), sorted = numbers.sorted()
    let histogram = IntensityHistogram(counting: numbers).normalized()
    for share in [0.005, 0.5, 0.995] {
      let exact = Double(sorted[Int(share * Double(sorted.count))])
      #expect(abs(histogram.quantile(share) - exact) < 1e-3 * 300, "\(share)")
    }
  }
}
