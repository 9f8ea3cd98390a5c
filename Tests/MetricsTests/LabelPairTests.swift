// Maps whose labels make up regions, and voxels of which nothing is known.

import Metrics
import Testing
import Volumes

@Suite struct LabelPairTests {
  private let extent = Extent(1, 2, 4)
  private let prediction: [UInt8] = [0, 1, 2, 3, 1, 1, 0, 2], reference: [UInt8] = [0, 1, 1, 3, 2, 4, 4, 0]

  @Test func ignoredVoxelsCountNowhere() {
    let pair = LabelPair(
      prediction: prediction, reference: reference, extent: extent,
      LabelMeaning(classNames: ["background", "a", "b", "c"], hasIgnored: true))
    #expect(pair.voxels == 6 && pair.comparisons.count == 1)
    let counts = pair.comparisons[0].counts(of: 1)
    #expect(pair.comparisons[0].labels == [1, 2, 3] && counts == (2, 2, 1))
    #expect(dice(prediction: prediction, reference: reference, labels: [1], ignored: 4) == 0.5)
    #expect(dice(prediction: prediction, reference: reference, labels: [1]) == 0.4)
  }

  @Test func regionsAreComparedOneByOne() {
    let regions = [LabelRegion(name: "whole", labels: [1, 2, 3]), LabelRegion(name: "core", labels: [2, 3])]
    let pair = LabelPair(
      prediction: prediction, reference: reference, extent: extent,
      LabelMeaning(classNames: ["background", "whole", "core", "label 3"], regions: regions, hasIgnored: true))
    let comparisons = pair.comparisons
    #expect(comparisons.map(\.labels) == [[1], [2]])
    #expect(comparisons[0].counts(of: 1) == (5, 4, 4) && comparisons[1].counts(of: 2) == (3, 2, 1))
    #expect(dice(prediction: prediction, reference: reference, labels: [2, 3], ignored: 4) == 0.4)
    var table = ScoreTable(classNames: ["background", "whole", "core"])
    table.add("x", comparisons, spacing: Spacing(1, 1, 1))
    #expect(table.classes.map(\.name) == ["whole", "core"])
    let summary = table.summaryJSON(
      of: [ScoredFiles(name: "x", prediction: "p", reference: "r", voxels: pair.voxels)], regions: regions)
    // As nnU-Net calls regions.
    #expect(summary.contains("\"(1, 2, 3)\"") && summary.contains("\"(2, 3)\""), "\(summary)")
  }
}
