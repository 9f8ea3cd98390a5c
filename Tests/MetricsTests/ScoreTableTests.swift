// Averages over cases and classes, and what empty masks count for.

import Foundation
import Metrics
import Testing
import Volumes

@Suite struct ScoreTableTests {
  private let cube = [[1, 4, 1, 4, 1, 4]]
  private let shifted = [[1, 4, 1, 4, 2, 5]]

  private func add(
    _ identifier: String, _ prediction: [UInt8], _ reference: [UInt8], _ extent: Extent, to table: inout ScoreTable
  ) {
    let comparison = LabelComparison(prediction: prediction, reference: reference, extent: extent)
    table.add(identifier, comparison, spacing: Spacing(1, 1, 1))
  }

  /// Class 1: a perfect case, a shifted one, and an empty prediction; class 2: empty in all cases.
  private func table(_ policy: EmptyPolicy) -> ScoreTable {
    var table = ScoreTable(classNames: ["background", "liver", "tumour"], policy: policy)
    let extent = Extent(6, 6, 6)
    for (identifier, prediction) in [("a", cube), ("b", shifted), ("c", [])] {
      add(identifier, boxes(prediction, extent), boxes(cube, extent), extent, to: &table)
    }
    return table
  }

  /// Label maps of one row of voxels.
  private func table(_ policy: EmptyPolicy, classNames: [String] = [], _ cases: [(prediction: [UInt8], reference: [UInt8])])
    -> ScoreTable
  {
    var table = ScoreTable(classNames: classNames, policy: policy)
    for (number, pair) in cases.enumerated() {
      add("case \(number)", pair.prediction, pair.reference, Extent(1, 1, pair.reference.count), to: &table)
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
    // A class that is absent everywhere and never predicted is left out; the published rule gives it 0.
    #expect(skip.classes[1].dice.mean == nil && diagonal.classes[1].dice.mean == 1 && zero.classes[1].dice.mean == 0)
    #expect(skip.classes[1].hausdorff95.mean == nil && diagonal.classes[1].hausdorff95.mean == 0)
    #expect(skip.classes[1].emptyBoth == 3 && skip.classes[1].dice.count == 0 && zero.classes[1].dice.count == 3)
    expectClose(skip.overall(.hausdorff95), 0.5)
    #expect(skip.overall(.dice) == skip.classes[0].dice.mean)
    expectClose(diagonal.overall(.dice), (skip.classes[0].dice.mean! + 1) / 2)
    #expect(skip.leftOut(.dice) == 3 && skip.leftOut(.hausdorff95) == 4 && zero.leftOut(.dice) == 0)
  }

  /// BraTS has labels 1, 2 and 4: there is no class 3, and an empty prediction scores 0.
  @Test(arguments: EmptyPolicy.allCases) func aLabelThatNobodyHasIsNoClass(policy: EmptyPolicy) {
    let brats = table(policy, [([0, 0, 0, 0], [1, 2, 4, 0])])
    #expect(brats.classes.map(\.label) == [1, 2, 4] && brats.classes.map(\.name) == ["class 1", "class 2", "class 4"])
    #expect(brats.overall(.dice) == 0 && brats.overall(.jaccard) == 0)
    let one = table(policy, [([0, 0], [9, 0])])
    #expect(one.classes.map(\.label) == [9] && one.overall(.dice) == 0)
    #expect(table(policy, [([0, 0], [0, 0])]).classes.isEmpty)
  }

  @Test(arguments: [EmptyPolicy.skip, .zero]) func aDeclaredClassThatNobodyHasAddsNoPerfectScore(policy: EmptyPolicy) {
    let declared = table(policy, classNames: ["background", "a", "b"], [([1, 0], [1, 0])])
    #expect(declared.classes.map(\.label) == [1, 2] && declared.overall(.dice) == (policy == .skip ? 1 : 0.5))
  }

  /// A label of the predictions alone is wrong where it was predicted, and does not exist elsewhere.
  @Test(arguments: EmptyPolicy.allCases) func anInventedLabelCountsWhereItWasPredicted(policy: EmptyPolicy) {
    let found = table(policy, [([1, 7], [1, 0]), ([1, 0], [1, 0]), ([1, 7], [1, 0])])
    #expect(found.classes.map(\.label) == [1, 7] && found.classes[1].dice.count == 2 && found.classes[1].dice.mean == 0)
    #expect(found.classes[1].emptyReferences == 2 && found.classes[1].emptyBoth == 0 && found.overall(.dice) == 0.5)
    #expect(found.text().split(separator: "\n").count { $0.contains("class 7") } == 3, "two cases and the mean")
  }

  /// A label of some references is looked for in all cases.
  @Test func aCaseWithoutALabelOfOthersIsLeftOut() {
    let found = table(.skip, [([1, 2], [1, 2]), ([1, 0], [1, 0]), ([1, 2], [1, 0])])
    #expect(found.classes[1].dice.count == 2 && found.classes[1].dice.mean == 0.5 && found.classes[1].emptyBoth == 1)
    #expect(found.leftOut(.dice) == 1 && found.leftOut(.averageSurfaceDistance) == 2)
    #expect(found.text().contains("Dice, Jaccard and NSD of 1 rows, distances of 2."))
  }

  @Test func everyLabelThatAByteHoldsIsScored() {
    let labels = (0...255).map { UInt8($0) }
    let found = table(.skip, [(labels, labels)])
    #expect(found.classes.map(\.label) == Array(1...255) && found.overall(.dice) == 1 && found.overall(.hausdorff95) == 0)
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
    #expect(original.json().contains("\"leftOut\"") && report.table.cases == ["a", "b", "c"])
    var merged = ScoreTable(classNames: original.classNames, policy: .diagonal)
    merged.add(report.table)
    #expect(merged.rows == original.rows && merged.classes[0].dice.mean == original.classes[0].dice.mean)
    #expect(merged.cases == original.cases && merged.text() == original.text())
  }
}
