// The picture of a stitched crop, read back: the canvas as it is, gaps in blue, planes with the pseudo-label and the crop's frame.

import Reports
import TestSupport
import Testing
import Volumes

@Suite struct StitchFigureTests {
  /// A canvas of 8x8 pixels: bright above, a class in the lower left corner, a gap on the right edge. A pixel is 128 of the picture.
  private func figure(volume: StitchFigure.Volume? = nil) -> StitchFigure {
    StitchFigure(
      title: "a", side: 8, image: (0..<64).map { $0 < 32 ? 1 : 0 },
      label: (0..<64).map { $0 % 8 == 7 ? 255 : $0 >= 48 && $0 % 8 < 2 ? 1 : 0 }, ignored: 255, volume: volume,
      classNames: ["background", "heart"])
  }

  private func color(_ picture: Picture, row: Int, column: Int) -> [Int] {
    picture.color(36 + 128 * column + 64, 34 + 128 * row + 64).map { Int($0) }
  }

  @Test func theCanvasIsNotTurned() throws {
    try withTemporaryFolder { folder in
      try writeStitchFigure(figure(), to: folder + "/s.png")
      let picture = try Picture(folder + "/s.png")
      #expect(picture.width == 26 + 1024 + 20)
      #expect(color(picture, row: 1, column: 1) == [255, 255, 255] && color(picture, row: 5, column: 4) == [0, 0, 0])
      let marked = color(picture, row: 7, column: 0), gap = color(picture, row: 5, column: 7)
      #expect(marked[0] > marked[2] + 40, "\(marked)")
      #expect(gap[2] > gap[0] + 40, "\(gap)")
    }
  }

  @Test func thePlanesShowThePseudoLabelAndTheFrameOfTheCrop() throws {
    try withTemporaryFolder { folder in
      let extent = Extent(10, 20, 20)
      let pseudo: [UInt8] = (0..<extent.count).map { $0 / 400 == 4 && $0 / 20 % 20 > 12 && $0 % 20 > 12 ? 1 : 0 }
      let volume = StitchFigure.Volume(
        extent: extent, spacing: Spacing(1, 1, 1), image: [Float](repeating: 0, count: extent.count), pseudoLabel: pseudo,
        label: nil, cropStart: [-2, 10, 10], crop: Extent(8, 20, 8))
      try writeStitchFigure(figure(volume: volume), to: folder + "/s.png")
      let picture = try Picture(folder + "/s.png"), left = 26 + 1024 + 20
      // Axial, 320 x 320 pixels from (left + 36, 34): H and W above 12 are above and on the left.
      let red = picture.tinted.filter { x, y in
        let color = picture.color(x, y)
        return x > left && y < 34 + 320 && Int(color[0]) > 2 * Int(color[1])
      }
      #expect(!red.isEmpty && red.allSatisfy { $0.x < left + 36 + 7 * 16 + 2 && $0.y < 34 + 7 * 16 + 2 })
      let yellow = picture.tinted.filter { $0.x > left && $0.y < 34 + 320 && picture.color($0.x, $0.y)[1] > 200 }
      #expect(yellow.map(\.x).min() == left + 36 + 2 * 16 - 4 && yellow.map(\.x).max() == left + 36 + 10 * 16 + 3)
      #expect(yellow.map(\.y).min() == 34 && yellow.map(\.y).max() == 34 + 10 * 16 + 3)
    }
  }

  @Test func aPathThatCannotBeWrittenIsNamed() {
    let error = #expect(throws: ReportError.self) { try writeStitchFigure(figure(), to: "/none/at/all.png") }
    #expect(error?.description.contains("/none/at/all.png cannot be written") == true)
  }
}
