// Other orders of axes than D, H, W: what is read in one goes back into the same file, and into the canonical order.

import Foundation
import TestSupport
import Testing
import Volumes

@Suite struct AxisOrderTests {
  @Test(arguments: AxisOrder.Start.allCases, [[0, 1, 2], [2, 0, 1], [1, 0, 2]])
  func anyOrderGoesBackToTheFile(start: AxisOrder.Start, transpose: [Int]) throws {
    // x runs to posterior, y to superior, z to the left.
    let grid = FileGrid(dimensions: [5, 3, 4], affine: [0, 0, -4, 7, -2, 0, 0, 8, 0, 3, 0, -9])
    let labels = (0..<grid.extent.count).map { UInt8($0) }
    try withTemporaryFolder { folder in
      let path = folder + "/labels.nii"
      try writeLabels(LabelVolume(extent: grid.extent, spacing: grid.spacing, labels: labels, grid: grid), to: path)
      let read = try readLabels(path, axes: AxisOrder(start: start, transpose: transpose))
      let natural = start == .file ? [4, 3, 5] : [3, 5, 4], sides = start == .file ? [4.0, 3, 2] : [3, 2, 4]
      #expect((0..<3).map { read.extent[$0] } == transpose.map { natural[$0] })
      #expect((0..<3).map { read.spacing[$0] } == transpose.map { sides[$0] })
      #expect(read.grid.canonicalOrder(of: read.labels) == labels)
      #expect(read.grid.reordered(fromCanonical: labels) == read.labels)
      #expect(read.grid.isCanonical == (start == .canonical && transpose == [0, 1, 2]))
      #expect(sameGrid(read.grid, grid) == nil)
      try writeLabels(read, to: folder + "/again.nii")
      let files = try ["labels", "again"].map { try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\($0).nii")) }
      #expect(files[0] == files[1])
    }
  }
}
