// Parts of a label map that the other has nothing of.

import Metrics
import Testing
import Volumes

@Suite struct UnmatchedPartsTests {
  private let extent = Extent(3, 6, 8)

  private func labels(_ voxels: [(Int, Int, Int)], label: UInt8 = 1) -> [UInt8] {
    var result = [UInt8](repeating: 0, count: extent.count)
    for (d, h, w) in voxels { result[extent.index(d, h, w)] = label }
    return result
  }

  @Test func aPartThatTouchesTheOtherNowhereIsUnmatched() {
    // Two parts: one overlaps the reference in one voxel of another slice, the other is alone and hangs together by a corner.
    let prediction = labels([(0, 0, 0), (1, 0, 1), (2, 4, 6), (1, 5, 7)]), reference = labels([(1, 0, 1), (1, 0, 2), (0, 3, 3)])
    let falseParts = unmatchedParts(of: prediction, without: reference, extent: extent, label: 1)
    #expect(falseParts.map { Set($0.voxels) } == [[extent.index(2, 4, 6), extent.index(1, 5, 7)]])
    let missed = unmatchedParts(of: reference, without: prediction, extent: extent, label: 1)
    #expect(missed.map(\.voxels) == [[extent.index(0, 3, 3)]])
  }

  @Test func classesAreSeparate() {
    let one = labels([(1, 1, 1)]), two = labels([(1, 1, 1)], label: 2)
    #expect(unmatchedParts(of: one, without: two, extent: extent, label: 1).count == 1)
    #expect(unmatchedParts(of: one, without: two, extent: extent, label: 2).isEmpty)
    #expect(unmatchedParts(of: one, without: one, extent: extent, label: 1).isEmpty)
  }

  /// Neighbours in memory are not neighbours in space: the end of a row and the start of the next.
  @Test func rowsDoNotWrapAround() {
    let ends = labels([(0, 0, 7), (0, 1, 0)]), nothing = labels([])
    #expect(unmatchedParts(of: ends, without: nothing, extent: extent, label: 1).count == 2)
  }
}
