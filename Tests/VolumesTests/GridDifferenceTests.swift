// How grids that should be the same differ: slips of an origin, axes stored the other way round, and differences that part the voxels.

import Testing
import Volumes

@Suite struct GridDifferenceTests {
  /// 20 x 28 x 32 voxels (D, H, W) of 2 x 1 x 1 mm, axes to left, posterior, superior.
  private static let affine: [Double] = [-1, 0, 0, 16, 0, -1, 0, 14, 0, 0, 2, -10]
  private static func grid(_ change: (inout [Double]) -> Void = { _ in }, dimensions: [Int] = [32, 28, 20]) -> FileGrid {
    var rows = affine
    change(&rows)
    return FileGrid(dimensions: dimensions, affine: rows)
  }

  @Test func aFewVoxelsOfTheOriginAreSlight() throws {
    let difference = try #require(sameGrid(Self.grid(), Self.grid { ($0[3], $0[7], $0[11]) = (18, 16, -8) }))
    #expect(difference.kind == .origin && difference.isSlight)
    #expect(difference.description == "have origins 3.4641 mm apart (1.0, 2.0, 2.0 voxels along depth, height, width)")
    let far = try #require(sameGrid(Self.grid(), Self.grid { $0[3] = 24 }))
    #expect(far.kind == .origin && !far.isSlight && far.description.contains("8.0 mm"))
    #expect(sameGrid(Self.grid(), Self.grid { $0[3] += 0.04 }) == nil)
  }

  @Test(arguments: [(5, 7, "back to front", "y"), (0, 3, "left to right", "x"), (10, 11, "bottom to top", "z")])
  func anAxisOfTheOtherSignIsAFlip(sign: Int, origin: Int, name: String, axis: String) throws {
    let signOnly = try #require(sameGrid(Self.grid(), Self.grid { $0[sign] *= -1 }))
    #expect(signOnly.kind == .flip && !signOnly.isSlight)
    #expect(signOnly.description.contains(name) && signOnly.description.contains("the \(axis) axis"), "\(signOnly)")
    // The origin at the other end of the axis, its direction kept.
    let count = Double([5: 28, 0: 32, 10: 20][sign]!)
    let moved = try #require(sameGrid(Self.grid(), Self.grid { $0[origin] += $0[sign] * (count - 1) }))
    #expect(moved.kind == .flip && moved.description == signOnly.description)
    // Both: the same voxels, stored in the other order.
    #expect(
      sameGrid(
        Self.grid(),
        Self.grid {
          $0[origin] += $0[sign] * (count - 1)
          $0[sign] *= -1
        }) == nil)
  }

  @Test func flipsOfSeveralAndOfShortAxesAreNamed() throws {
    let both = try #require(sameGrid(Self.grid(), Self.grid { ($0[0], $0[5]) = (1, 1) }))
    #expect(both.kind == .flip && both.description.contains("left to right") && both.description.contains("back to front"))
    let short = [32, 28, 3]
    let flat = try #require(sameGrid(Self.grid(dimensions: short), Self.grid({ $0[10] = -2 }, dimensions: short)))
    #expect(flat.kind == .flip && flat.description.contains("bottom to top"), "two voxels off, and yet no slip of the origin")
  }

  @Test func otherDifferencesAreNeverSlight() {
    for other in [Self.grid(dimensions: [32, 28, 21]), Self.grid { $0[0] = -1.1 }, Self.grid { ($0[1], $0[4]) = (0.1, -0.1) }] {
      #expect(sameGrid(Self.grid(), other)?.isSlight == false)
    }
  }
}
