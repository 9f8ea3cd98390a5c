// Slices of a case as one picture, and charts on a raster.

import Foundation
import Reports
import TestSupport
import Testing
import Volumes

@Suite struct CaseSlicesTests {
  /// A ball of class 1 in slices 8 to 27 of 40, found as class 2 in the upper half.
  func slices(labelled: Bool = true) -> CaseSlices {
    let extent = Extent(40, 30, 24)
    var image = [Float](repeating: 0, count: extent.count), reference = [UInt8](repeating: 0, count: extent.count),
      found = reference
    for d in 8..<28 where labelled {
      for index in extent.index(d, 10, 8)..<extent.index(d, 10, 16) {
        (image[index], reference[index], found[index]) = (100, 1, d < 18 ? 0 : 2)
      }
    }
    return CaseSlices(image: image, reference: reference, prediction: found, extent: extent, spacing: Spacing(3, 1, 1))
  }

  @Test(arguments: [true, false]) func aStripHasSixteenSlicesOfThreePanels(labelled: Bool) throws {
    let strip = try slices(labelled: labelled).strip(), overview = try slices(labelled: labelled).overview()
    #expect(overview.width == 3 * 48 && overview.height == 60, "twice the voxels")
    #expect(strip.width == overview.width && strip.height == 16 * overview.height)
    let folder = TemporaryFolder(), path = folder.path + "/strip.png"
    try Data(strip.bytes).write(to: URL(fileURLWithPath: path))
    let picture = try Picture(path)
    #expect(picture.width == strip.width && picture.height == strip.height && isOwnPicture(path))
  }

  @Test func chartsOfOnePointAndOfNoneAreHandled() throws {
    let folder = TemporaryFolder(), path = folder.path + "/progress.png"
    let axis = ChartAxis("step", .linear, values: [3], fromZero: true)
    let chart = Chart(
      title: "loss", x: axis, y: axis,
      series: [ChartSeries(name: "loss", color: "#1f6fb4", style: .line, points: [ChartPoint(x: 3, y: 3)])])
    try writeCharts([chart, chart, chart], title: "runs/heart", to: path)
    let picture = try Picture(path)
    #expect(picture.width == 1240 && picture.height == 640)
    #expect(throws: ReportError.self) { try writeCharts([], title: "", to: path) }
  }
}
