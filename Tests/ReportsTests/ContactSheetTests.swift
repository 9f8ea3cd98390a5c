// The contact sheet, read back: three slices for a volume, several volumes in a row where there are many.

import Reports
import TestSupport
import Testing
import Volumes

@Suite struct ContactSheetTests {
  /// Bright in the half of low depth.
  private var volume: ContactVolume {
    let extent = Extent(10, 10, 10)
    return ContactVolume(
      extent: extent, spacing: Spacing(1, 1, 1), image: (0..<extent.count).map { $0 < 500 ? 1 : 0 }, lines: ["1: a", "b", "c"])
  }

  @Test(arguments: [(1, 1, 1), (3, 3, 1), (4, 2, 2), (12, 4, 3)])
  func layout(count: Int, rows: Int, across: Int) throws {
    try withTemporaryFolder { folder in
      try writeContactSheet(Array(repeating: volume, count: count), to: folder + "/c.png")
      let picture = try Picture(folder + "/c.png")
      #expect(picture.width == 26 + 10 + 3 * across * 310)
      #expect(picture.height == 34 + rows * (300 + 20 + 10))
      // Superior is up: the coronal slice, the second, is bright below.
      #expect(picture.color(36 + 310 + 150, 34 + 250).map { Int($0) } == [255, 255, 255])
      #expect(picture.color(36 + 310 + 150, 34 + 50).map { Int($0) } == [0, 0, 0])
    }
  }
}
