// Paired tests against SciPy's numbers and enumeration, and two tables held against each other.

import Foundation
import Metrics
import Testing
import Volumes

@Suite struct PairedScoresTests {
  private let differences = [0.031, 0.012, -0.004, 0.022, 0.017, 0.009, -0.011, 0.041, 0.005, 0.026, 0.014, -0.002]

  /// Without equal ranks every order of signs is counted: `scipy.stats.wilcoxon` 1.16.
  @Test func fewDifferencesAreCounted() throws {
    let found = try #require(SignedRank(differences)), interval = try #require(found.interval)
    expectClose(found.p, 0.01220703125)
    expectClose(found.middle, 0.01325)
    // The 14th of 78 pair means from either end: the critical value of twelve pairs is 13.
    expectClose(interval.lowerBound, 0.003)
    expectClose(interval.upperBound, 0.024)
  }

  /// Equal ranks, zeros and many values: `scipy.stats.wilcoxon` by the normal distribution, without a correction for continuity.
  @Test func equalRanksAreTakenAsNormal() throws {
    let few = try #require(SignedRank([0.02, 0.01, -0.01, 0.02, 0.03, 0, 0.01, -0.02, 0.03, 0.02]))
    expectClose(few.p, 0.07171853650843411, 1e-9)
    let many = try #require(SignedRank((1...60).map { Double($0 * 37 % 61 - 22) / 100 }))
    expectClose(many.p, 0.0010667922923925826, 1e-9)
    expectClose(many.middle, 0.085)
  }

  @Test func fiveDifferencesAllowNoInterval() throws {
    let found = try #require(SignedRank([1, 2, 3, 4, 5]))
    #expect(found.interval == nil && found.p == 0.0625)
    #expect(SignedRank([1, 2, 3, 4, 5, 6])?.interval == 1...6)
    #expect(SignedRank([0, 0, 0])?.p == 1)
    #expect(SignedRank([]) == nil)
  }

  @Test func tablesArePairedByCaseAndClass() throws {
    var better = ScoreTable(classNames: ["background", "organ"]), worse = better
    let extent = Extent(12, 12, 12), truth = boxes([[2, 8, 2, 8, 2, 8]], extent)
    for number in 0..<7 {
      let near = boxes([[2, 8, 2, 8, 2, 8 - number % 3]], extent),
        far = boxes([[2, 8, 2, 8, 3 + number % 2, 7 - number % 3]], extent)
      better.add("c\(number)", LabelComparison(prediction: near, reference: truth, extent: extent), spacing: Spacing(1, 1, 1))
      guard number < 6 else { continue }
      worse.add("c\(number)", LabelComparison(prediction: far, reference: truth, extent: extent), spacing: Spacing(1, 1, 1))
    }
    let paired = better.paired(with: worse), dice = try #require(paired.first { $0.metric == .dice })
    #expect(dice.cases == 6 && dice.name == "organ" && dice.difference > 0 && dice.test.p == 0.03125)
    expectClose(dice.difference, dice.own - dice.other)
    #expect(paired.map(\.metric) == Metric.allCases)
    let distance = try #require(paired.first { $0.metric == .averageSymmetricSurfaceDistance })
    #expect(distance.difference < 0)
    let text = pairedText(paired, title: better.title), csv = pairedCSV(paired, title: better.column)
    #expect(text.contains("NSD (1 mm)") && text.contains("0.031"))
    #expect(csv.contains("ASSD_mm,organ,6,") && csv.split(separator: "\n").count == 1 + Metric.allCases.count)
  }
}
