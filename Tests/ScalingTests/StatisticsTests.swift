// Intervals and what is derived from them, on numbers whose answers are known.

import Foundation
import Kernels
import Tensors
import Testing

import Scaling

@Suite struct StatisticsTests {
  /// Karp and Flatt: a program with the serial fraction f runs on p nodes in f + (1-f)/p of its time.
  @Test(arguments: [0.0, 0.02, 0.3]) func theSerialFractionOfAmdahlsProgramIsFound(_ fraction: Double) {
    for nodes in [2, 8, 64] {
      let time = fraction + (1 - fraction) / Double(nodes), efficiency = 1 / time / Double(nodes)
      #expect(abs(serialFraction(efficiency: efficiency, nodes: nodes)! - fraction) < 1e-12)
    }
    #expect(serialFraction(efficiency: 1, nodes: 1) == nil)
  }

  /// Of 200 samples of nine numbers about 95 % must have the true median in their interval.
  @Test func intervalsCoverTheTruthAsOftenAsNominal() {
    var hits = 0
    for sample in 0..<200 {
      let key = RandomKey(UInt64(sample)), values = (0..<9).map { 10 + key.gaussian(UInt64($0)) }
      let estimate = bootstrap([values], draws: 400, key: RandomKey(7)) { median($0[0]) }
      #expect(estimate.low <= estimate.value && estimate.value <= estimate.high)
      if estimate.low <= 10, 10 <= estimate.high { hits += 1 }
    }
    #expect(hits >= 180 && hits < 200, "\(hits) of 200")
  }

  @Test func theSameSeedGivesTheSameInterval() {
    let values = [1.0, 4, 2, 8, 5]
    let first = bootstrap([values], key: RandomKey(3)) { median($0[0]) }
    #expect(first == bootstrap([values], key: RandomKey(3)) { median($0[0]) } && first.low < first.high)
  }

  @Test func aConstantSampleHasNoSpread() {
    #expect(bootstrap([[2, 2, 2, 2, 2]], key: RandomKey(1)) { median($0[0]) } == Estimate(2, low: 2, high: 2))
  }

  @Test func thePartsOfAStepAddUpToIt() {
    let time = StepTime(wall: 1.0, mean: 0.6, slowest: 0.7, update: 0.05, loading: 0.1)
    #expect(abs(time.compute - 0.55) < 1e-12 && abs(time.wait - 0.1) < 1e-12 && abs(time.input - 0.1) < 1e-12)
    #expect(abs(time.exposed - 0.25) < 1e-12 && abs(time.wall - 1) < 1e-12)
    #expect(abs(time.divided(by: 4).wall - 0.25) < 1e-12)
    #expect(
      StepTime(metrics: [
        "wallSeconds": 1, "computeSeconds": 0.7, "meanComputeSeconds": 0.6, "updateSeconds": 0.05, "loadSeconds": 0.1,
      ]) == time)
    #expect(StepTime(metrics: ["seconds": 0.7]) == nil, "metrics of an older version")
  }
}
