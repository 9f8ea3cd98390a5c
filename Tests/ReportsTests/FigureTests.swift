// Figures of bias fields, activation maps and compared methods, read back: colours where the data are, empty places, errors.

import Reports
import TestSupport
import Testing
import Volumes

@Suite struct FigureTests {
  /// Panels are 240 x 200 pixels in the figure of bias fields, 300 x 250 in that of activation maps, 400 x 333 in comparisons.
  private let extent = Extent(4, 20, 24), spacing = Spacing(3, 1, 1)

  /// [D, H, W]; pictures turn both axes, so the half with w < 12 is the right half of a panel.
  private func field(_ value: (_ d: Int, _ h: Int, _ w: Int) -> Float) -> [Float] {
    (0..<extent.count).map { value($0 / 480, $0 / 24 % 20, $0 % 24) }
  }

  private func labels(_ isInside: (_ d: Int, _ h: Int, _ w: Int) -> Bool) -> [UInt8] {
    field { isInside($0, $1, $2) ? 1 : 0 }.map { UInt8($0) }
  }

  private func near(_ color: [UInt8], _ expected: [Int]) -> Bool { zip(color, expected).allSatisfy { abs(Int($0) - $1) <= 3 } }

  @Test func biasFieldsHaveTheColoursOfTheirRanges() throws {
    try withTemporaryFolder { folder in
      let image = field { _, _, w in Float(w) }
      let row = SOBFFigureRow(
        identifier: "one", extent: extent, spacing: spacing, image: image,
        multiplicativeField: field { _, _, w in w < 12 ? 1.25 : 0.75 },
        additiveField: field { _, _, w in w < 12 ? -0.12 : 0.12 },
        view: image.enumerated().map { $1 + ($0 % 24 < 12 ? 0 : 5) }, label: labels { d, _, w in d == 2 && w < 12 })
      var unlabelled = row
      unlabelled.label = nil
      let path = folder + "/sobf.png"
      try writeSOBFFigure([row, unlabelled], strengths: (0.25, 0.12), to: path)
      let picture = try Picture(path)
      #expect(picture.width == 26 + 6 * 250 + 10 && picture.height == 34 + 2 * 246, "36 pixels for the colour bars of a row")
      func colors(column: Int, row: Int = 0) -> [[UInt8]] {
        [60, 180].map { picture.color(36 + column * 250 + $0, 34 + row * 246 + 100) }
      }
      func bar(column: Int) -> [[UInt8]] { [0, 239].map { picture.color(36 + column * 250 + $0, 34 + 200 + 11) } }
      // The left half of a panel is w >= 12.
      #expect(near(colors(column: 1)[0], [68, 1, 84]) && near(colors(column: 1)[1], [253, 231, 37]), "viridis")
      #expect(near(colors(column: 2)[0], [180, 4, 38]) && near(colors(column: 2)[1], [59, 76, 192]), "coolwarm")
      #expect(near(colors(column: 4)[0], [255, 255, 255]) && near(colors(column: 4)[1], [0, 0, 0]), "hot")
      #expect(
        near(colors(column: 5)[0], [0, 0, 0]) && near(colors(column: 5)[1], [250, 128, 114]), "salmon, and the labelled slice")
      #expect(near(bar(column: 1)[0], [68, 1, 84]) && near(bar(column: 1)[1], [253, 231, 37]), "the bar of viridis")
      #expect(near(bar(column: 2)[0], [59, 76, 192]) && near(bar(column: 2)[1], [180, 4, 38]), "the bar of coolwarm")
      #expect(bar(column: 0).allSatisfy { near($0, [255, 255, 255]) }, "grey values have no bar")
      #expect(colors(column: 5, row: 1).allSatisfy { near($0, [255, 255, 255]) }, "no label, no panel")
      #expect(
        near(colors(column: 0)[0], [194, 194, 194]) && near(colors(column: 3)[0], [249, 249, 249]), "one window: 5 of 23 more")
    }
  }

  @Test func coldPlacesOfAnActivationMapStayGrey() throws {
    try withTemporaryFolder { folder in
      let gray = field { _, _, w in w % 2 == 0 ? 0 : 1 }
      var column = ActivationColumn(
        identifier: "one", extent: extent, spacing: spacing, image: field { _, _, _ in 1 },
        reference: labels { d, h, _ in d == 1 && h < 10 }, prediction: labels { _, _, _ in false },
        maps: [field { d, _, w in d == 1 && w < 12 ? 1 : 0 }, gray.map { _ in 0.3 }])
      column.image = field { _, h, _ in h < 10 ? 1 : 1.001 }
      let path = folder + "/cam.png"
      try writeActivationFigure([column], methods: ["first", "second"], to: path)
      let picture = try Picture(path)
      #expect(picture.width == 26 + 310 + 10 && picture.height == 34 + 4 * 260 + 2 * 36)
      func color(row: Int, x: Int) -> [UInt8] { picture.color(36 + x, 34 + row * 260 + (row > 2 ? 36 : 0) + 200) }
      // Low in a panel is h < 10, where the image is black.
      #expect(near(color(row: 0, x: 75), [0, 0, 0]))
      #expect(near(color(row: 1, x: 75), [105, 28, 23]), "the reference, 0.45 of its red on black")
      #expect(near(color(row: 2, x: 75), [0, 0, 0]) && near(color(row: 2, x: 225), [76, 0, 0]), "dark red at most 0.6 opaque")
      #expect(near(color(row: 3, x: 75), [0, 53, 76]), "0.3 of the colour at 0.3")
    }
  }

  @Test func falseAndMissedPartsAreFramed() throws {
    try withTemporaryFolder { folder in
      let grid = FileGrid(canonical: extent, spacing: spacing)
      let image = Volume(extent: extent, spacing: spacing, voxels: field { _, h, _ in Float(h) }, grid: grid)
      func map(_ values: [UInt8]) -> LabelVolume { LabelVolume(extent: extent, spacing: spacing, labels: values, grid: grid) }
      func isLarge(_ h: Int, _ w: Int) -> Bool { (2..<8).contains(h) && (2..<8).contains(w) }
      func isMissed(_ h: Int, _ w: Int) -> Bool { (14..<17).contains(h) && (2..<5).contains(w) }
      func isFalse(_ h: Int, _ w: Int) -> Bool { (14..<17).contains(h) && (18..<21).contains(w) }
      let reference = map(labels { d, h, w in d == 2 && (isLarge(h, w) || isMissed(h, w)) })
      let method = map(labels { d, h, w in d == 2 && (isLarge(h, w) || isFalse(h, w)) })
      func draw(_ prediction: LabelVolume, _ name: String) throws -> Picture {
        try writeComparison(
          image: image, reference: reference, predictions: [ComparedPrediction(name: "method", labels: prediction)],
          classNames: ["background", "lesion"], to: "\(folder)/\(name).png")
        return try Picture("\(folder)/\(name).png")
      }
      let picture = try draw(method, "case"), perfect = try draw(reference, "perfect")
      let panel = (left: 36 + 2 * 410, top: 34, width: 400, height: 333)
      func places(_ color: [UInt8], in picture: Picture) -> [(x: Int, y: Int)] {
        (0..<panel.width * panel.height).map { (x: $0 % panel.width, y: $0 / panel.width) }.filter {
          picture.color(panel.left + $0.x, panel.top + $0.y) == color
        }
      }
      let (yellow, cyan) = (places([255, 235, 59], in: picture), places([0, 229, 255], in: picture))
      // Columns run against w, rows against h; a frame keeps 4 pixels off.
      func edges(_ p: [(x: Int, y: Int)]) -> [Int?] { [p.map(\.x).min(), p.map(\.x).max(), p.map(\.y).min(), p.map(\.y).max()] }
      #expect(edges(yellow) == [(24 - 21) * 400 / 24 - 4, (24 - 18) * 400 / 24 + 3, 3 * 333 / 20 - 4, 6 * 333 / 20 + 3])
      #expect(edges(cyan) == [(24 - 5) * 400 / 24 - 4, (24 - 2) * 400 / 24 + 3, 3 * 333 / 20 - 4, 6 * 333 / 20 + 3])
      #expect(places([255, 235, 59], in: perfect).isEmpty && places([0, 229, 255], in: perfect).isEmpty)
      #expect(places([255, 255, 255], in: picture).count > 500, "the outline of the reference")
    }
  }

  @Test func figuresNeedACaseAndOneGrid() {
    #expect(throws: ReportError.self) { try writeSOBFFigure([], strengths: (0.25, 0.12), to: "unused.png") }
    #expect(throws: ReportError.self) { try writeActivationFigure([], methods: [], to: "unused.png") }
    let grid = FileGrid(canonical: extent, spacing: spacing), one = FileGrid(canonical: Extent(1, 1, 1), spacing: spacing)
    let image = Volume(extent: extent, spacing: spacing, voxels: field { _, _, _ in 0 }, grid: grid)
    let error = #expect(throws: ReportError.self) {
      try writeComparison(
        image: image, reference: LabelVolume(extent: Extent(1, 1, 1), spacing: spacing, labels: [0], grid: one), predictions: [],
        classNames: ["background"], to: "unused.png")
    }
    #expect(error?.description.contains("reference has 1x1x1 voxels") == true)
  }
}
