// Overlay pictures, read back with libpng: directions, proportions, colours, legend, errors.

import Foundation
import Reports
import TestSupport
import Testing
import Volumes

@Suite struct OverlayTests {
  /// A scan of 20x40x30 voxels with one labelled block near the patient's right, anterior and inferior corner.
  private func scene(spacing: Spacing = Spacing(2, 1, 1)) -> (image: Volume, labels: LabelVolume) {
    let extent = Extent(20, 40, 30)
    let grid = FileGrid(canonical: extent, spacing: spacing)
    var voxels = [Float](repeating: 0, count: extent.count)
    var labels = [UInt8](repeating: 0, count: extent.count)
    for d in 0..<20 {
      for h in 0..<40 {
        for w in 0..<30 {
          voxels[extent.index(d, h, w)] = Float(d + h + w)
          if d < 6 && h >= 28 && w >= 22 { labels[extent.index(d, h, w)] = 1 }
        }
      }
    }
    return (
      Volume(extent: extent, spacing: spacing, voxels: voxels, grid: grid),
      LabelVolume(extent: extent, spacing: spacing, labels: labels, grid: grid)
    )
  }

  @Test func theRightSideIsOnTheLeftAndAnteriorIsUp() throws {
    try withTemporaryFolder { folder in
      let (image, labels) = scene()
      let path = "\(folder)/case.png"
      try writeOverlay(image: image, reference: labels, prediction: nil, classNames: ["background", "liver"], to: path)
      let picture = try Picture(path)
      #expect(picture.width > 2 * 240 && picture.height > 3 * 240)
      // Two columns; the axial row is the first of three rows of 40, 40 and 40 mm (H, then twice D).
      let tinted = picture.tinted.filter { $0.y < 34 + 320 }
      #expect(!tinted.isEmpty)
      let (left, right) = (picture.width / 2, picture.width)
      #expect(tinted.allSatisfy { $0.x >= left }, "the image column has no colour")
      #expect(mean(tinted.map(\.x)) < (left + right) / 2 - 40, "the patient's right is on the left")
      #expect(mean(tinted.map(\.y)) < 34 + 160 - 40, "anterior is up")
      // In the coronal row the block is inferior, so low.
      let coronal = picture.tinted.filter { $0.y >= 34 + 330 && $0.y < 34 + 650 }
      #expect(mean(coronal.map(\.y)) > 34 + 330 + 160 + 40)
    }
  }

  private func mean(_ values: [Int]) -> Int { values.reduce(0, +) / values.count }

  @Test func thickSlicesKeepTheirProportions() throws {
    try withTemporaryFolder { folder in
      var heights: [Int] = []
      for depth in [1.0, 4.0] {
        let (image, _) = scene(spacing: Spacing(depth, 1, 1))
        let path = "\(folder)/\(depth).png"
        try writeOverlay(image: image, reference: nil, prediction: nil, classNames: ["background"], to: path)
        heights.append(try Picture(path).height)
      }
      // D is 20 mm, then 80 mm: rows of (40, 20, 20) mm at 320/30 pixels a mm, and of (40, 80, 80) mm at 320/40.
      let expected = [34 + 30 + 80 * 320 / 30, 34 + 30 + 200 * 320 / 40]
      #expect(zip(heights, expected).allSatisfy { abs($0 - $1) <= 4 }, "\(heights) instead of \(expected)")
    }
  }

  @Test func samePictureSameBytesAndClearErrors() throws {
    try withTemporaryFolder { folder in
      let (image, labels) = scene()
      for name in ["a.png", "b.png"] {
        try writeOverlay(
          image: image, reference: labels, prediction: labels, classNames: ["background", "liver"], to: "\(folder)/\(name)")
      }
      #expect(try fileHash("\(folder)/a.png") == fileHash("\(folder)/b.png"))
      let missing = #expect(throws: ReportError.self) {
        try writeOverlay(image: image, reference: nil, prediction: nil, classNames: [], to: "\(folder)/none/c.png")
      }
      #expect(missing?.description.contains("none/c.png cannot be written") == true)
      let small = LabelVolume(
        extent: Extent(1, 1, 1), spacing: image.spacing, labels: [0],
        grid: FileGrid(canonical: Extent(1, 1, 1), spacing: image.spacing))
      let shape = #expect(throws: ReportError.self) {
        try writeOverlay(image: image, reference: nil, prediction: small, classNames: [], to: "\(folder)/d.png")
      }
      #expect(shape?.description.contains("prediction has 1x1x1 voxels") == true)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["a.png", "b.png"])
    }
  }

  @Test func aPictureOfOursIsKnownAgain() throws {
    try withTemporaryFolder { folder in
      let (image, labels) = scene(), path = "\(folder)/case.png"
      try writeOverlay(image: image, reference: labels, prediction: nil, classNames: ["background", "liver"], to: path)
      #expect(try isOwnPicture(path) && Picture(path).width > 0)
      var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
      #expect(bytes.range(of: Data("Software\0Cohort".utf8)) != nil)
      bytes.removeSubrange(bytes.count - 39..<bytes.count - 12)
      try bytes.write(to: URL(fileURLWithPath: path))
      #expect(try !isOwnPicture(path) && Picture(path).width > 0, "the same picture without the program's name")
      try Data().write(to: URL(fileURLWithPath: path))
      #expect(!isOwnPicture(path) && !isOwnPicture(folder) && !isOwnPicture("\(folder)/none.png"))
    }
  }
}
