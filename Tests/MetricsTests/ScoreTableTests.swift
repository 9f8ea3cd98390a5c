// Averages over cases and classes, and what empty masks count for.

import Foundation
import Metrics
import Testing
import Volumes

@Suite struct ScoreTableTests {
  private let cube = [[1, 4, 1, 4, 1, 4]]
  private let shifted = [[1, 4, 1, 4, 2, 5]]

  /// Class 1: a perfect case, a shifted one, and an empty prediction; class 2: empty in all cases.
  private func table(_ policy: EmptyPolicy) -> ScoreTable {
    var table = ScoreTable(classNames: ["background", "liver", "tumour"], policy: policy)
    for (identifier, prediction) in [("a", cube), ("b", shifted), ("c", [])] {
      let extent = Extent(6, 6, 6)
      table.add(
        identifier, prediction: boxes(prediction, extent), reference: boxes(cube, extent), extent: extent,
        spacing: Spacing(1, 1, 1))
    }
    return table
  }

  @Test func meansDeviationsAndCounts() {
    let liver = table(.skip).classes[0]
    let dice = [1, 2.0 * 18 / 54, 0]
    let mean = dice.reduce(0, +) / 3
    expectClose(liver.dice.mean, mean)
    expectClose(liver.dice.standardDeviation, (dice.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 2).squareRoot())
    #expect(liver.emptyPredictions == 1 && liver.emptyReferences == 0 && liver.emptyBoth == 0)
    #expect(liver.dice.count == 3 && liver.hausdorff95.count == 2)
  }

  @Test func emptyMasksCountAsThePolicySets() {
    let (zero, skip, diagonal) = (table(.zero), table(.skip), table(.diagonal))
    #expect(zero.rows == skip.rows)
    expectClose(skip.classes[0].hausdorff95.mean, 0.5)
    expectClose(zero.classes[0].hausdorff95.mean, 1.0 / 3)
    expectClose(diagonal.classes[0].hausdorff95.mean, (1 + 108.0.squareRoot()) / 3)
    // A class that is absent everywhere and never predicted: Dice 1, unless the published rule gives it 0.
    #expect(skip.classes[1].dice.mean == 1 && diagonal.classes[1].dice.mean == 1 && zero.classes[1].dice.mean == 0)
    #expect(skip.classes[1].hausdorff95.mean == nil && diagonal.classes[1].hausdorff95.mean == 0)
    #expect(skip.classes[1].emptyBoth == 3)
    expectClose(skip.overall(.hausdorff95), 0.5)
    expectClose(skip.overall(.dice), (skip.classes[0].dice.mean! + 1) / 2)
  }

  @Test func textNamesUnitsAndEmptyMasks() {
    let text = table(.skip).text()
    #expect(text.contains("95HD (mm)"))
    #expect(text.contains("Empty masks in 4 of 6 rows (only the prediction 1, only the reference 0, both 3)"))
    let lines = text.split(separator: "\n")
    #expect(lines.count == 1 + 6 + 2 + 1 + 1)
    #expect(Set(lines.dropLast().map(\.count)).count == 1, "columns are aligned")
  }

  @Test func jsonRoundTripAndMergedTables() throws {
    struct Report: Decodable {
      var table: ScoreTable
      var overall: [String: Double]
    }
    let original = table(.diagonal)
    let report = try JSONDecoder().decode(Report.self, from: Data(original.json().utf8))
    #expect(report.table.rows == original.rows && report.table.policy == .diagonal)
    #expect(report.overall["dice"] == original.overall(.dice))
    var merged = original
    merged.add(report.table)
    #expect(merged.rows.count == 12 && merged.classes[0].dice.mean == original.classes[0].dice.mean)
  }
}
