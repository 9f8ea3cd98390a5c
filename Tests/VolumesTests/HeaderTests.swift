// Headers that contradict themselves: what is read, what is said, and that the file's own numbers are written back. The numbers were read by
// SimpleITK 2.5.7 and, where noted, nibabel 5.4.2 from the same headers.

import Foundation
import TestSupport
import Testing

import Volumes

@Suite struct HeaderTests {
  /// A header, the transform that counts (three rows), and words of its warnings.
  struct Case: Sendable, CustomStringConvertible {
    var description: String
    var sample: NIfTISample
    var affine: [Double]
    var words: [String] = []
  }

  private static func sample(
    pixdim: [Double] = [1, 2, 3, 4], sform: Int, qform: Int, rows: [Double] = [2, 0, 0, -10, 0, 3, 0, -20, 0, 0, 4, -30],
    quaternion: [Double] = [0, 0, 0], offset: [Double] = [-10, -20, -30]
  ) -> NIfTISample {
    var sample = NIfTISample(qformCode: qform, quaternion: quaternion, quaternionOffset: offset)
    sample.pixelDimensions = pixdim + [0, 0, 0, 0]
    (sample.sformCode, sample.sform) = (sform, rows)
    return sample
  }

  private static let straight: [Double] = [2, 0, 0, -10, 0, 3, 0, -20, 0, 0, 4, -30]
  private static let turned: [Double] = {
    let (c, s) = (cos(0.3), sin(0.3))
    return [2 * c, -3 * s, 0, -10, 2 * s, 3 * c, 0, -20, 0, 0, 4, -30]
  }()
  private static let unit: [Double] = [-1, 0, 0, -10, 0, -1, 0, -20, 0, 0, 1, -30]
  private static let acdc: [Double] = [-1.37, 0, 0, -10, 0, -1.37, 0, -20, 0, 0, 10, -30]
  private static let sheared: [Double] = [2, 0.9, 0, -10, 0, 2.8618, 0, -20, 0, 0, 4, -30]

  static let cases = [
    Case(description: "both agree", sample: sample(sform: 1, qform: 1), affine: straight),
    Case(
      description: "sform of scale 1 beside a qform",
      sample: sample(pixdim: [1, 1.37, 1.37, 10], sform: 1, qform: 1, rows: unit, quaternion: [0, 0, 1]), affine: acdc,
      words: ["1.37x1.37x10.0", "1.0x1.0x1.0", "pixdim and qform", "SimpleITK"]),
    Case(
      description: "sform of scale 1 alone", sample: sample(pixdim: [1, 1.37, 1.37, 10], sform: 1, qform: 0, rows: unit),
      affine: acdc,
      words: ["1.37x1.37x10.0", "1.0x1.0x1.0", "by its pixdim and of"]),
    Case(
      description: "pixdim of scale 1 alone against an sform", sample: sample(pixdim: [1, 1, 1, 1], sform: 1, qform: 0),
      affine: [1, 0, 0, -10, 0, 1, 0, -20, 0, 0, 1, -30], words: ["1.0x1.0x1.0", "2.0x3.0x4.0"]),
    Case(
      description: "pixdim that is not set (as nibabel)", sample: sample(pixdim: [1, 0, .nan, 0], sform: 1, qform: 0),
      affine: straight,
      words: ["no lengths", "as its sform has"]),
    Case(description: "other directions, same lengths", sample: sample(sform: 1, qform: 1, rows: turned), affine: turned),
    Case(
      description: "other directions, sform code 2 (as nibabel)", sample: sample(sform: 2, qform: 1, rows: turned), affine: turned
    ),
    Case(
      description: "sform that runs to the other side", sample: sample(sform: 1, qform: 1, rows: [-2] + straight[1...]),
      affine: [-2] + straight[1...], words: ["LAS by its sform", "RAS by its qform"]),
    Case(
      description: "sheared sform beside a qform", sample: sample(sform: 1, qform: 1, rows: sheared), affine: straight,
      words: ["sheared", "17.458 degrees", "qform was taken"]),
    Case(
      description: "sheared sform alone (as nibabel; SimpleITK refuses)", sample: sample(sform: 1, qform: 0, rows: sheared),
      affine: sheared,
      words: ["sheared", "not be exact"]),
    Case(
      description: "singular sform beside a qform", sample: sample(sform: 1, qform: 1, rows: [Double](repeating: 0, count: 12)),
      affine: straight, words: ["singular", "qform was taken"]),
    Case(
      description: "sform that is not finite", sample: sample(sform: 1, qform: 1, rows: [.nan] + straight[1...]),
      affine: straight,
      words: ["singular or not finite"]),
    Case(description: "sform code 0", sample: sample(sform: 0, qform: 1, rows: unit), affine: straight),
    Case(
      description: "negative pixdim (as nibabel)", sample: sample(pixdim: [1, -2, 3, 4], sform: 0, qform: 1), affine: straight,
      words: ["negative", "-2.0x3.0x4.0"]),
    Case(
      description: "negative pixdim and qfac", sample: sample(pixdim: [-1, -2, -3, -4], sform: 0, qform: 1),
      affine: [2, 0, 0, -10, 0, 3, 0, -20, 0, 0, -4, -30], words: ["negative"]),
    Case(
      description: "no code", sample: sample(sform: 0, qform: 0, quaternion: [0, 0, 1]),
      affine: [-2, 0, 0, 0, 0, -3, 0, 0, 0, 0, 4, 0], words: ["stores no orientation", "LPS"]),
    Case(
      description: "a code that is negative is none", sample: sample(sform: -1, qform: 0),
      affine: [-2, 0, 0, 0, 0, -3, 0, 0, 0, 0, 4, 0], words: ["stores no orientation"]),
  ]

  @Test(arguments: cases) func contradictionsAreReadBySetRulesAndSaid(example: Case) throws {
    try withTemporaryFolder { folder in
      let path = try store(example.sample.bytes, "scan.nii", in: folder)
      let volume = try readVolume(path)
      for (found, expected) in zip(volume.grid.affine, example.affine) { #expect(abs(found - expected) < 1e-4) }
      for axis in 0..<3 {
        let column = (0..<3).map { example.affine[4 * $0 + axis] }
        #expect(abs(volume.grid.sides[axis] - column.map { $0 * $0 }.reduce(0, +).squareRoot()) < 1e-3)
      }
      let warnings = volume.grid.warnings(of: path).map(\.description)
      #expect(warnings.count == (example.words.isEmpty ? 0 : 1))
      for warning in warnings { #expect(warning.hasPrefix(path) && example.words.allSatisfy(warning.contains), "\(warning)") }
      try expectSameHeader(example.sample, volume, folder)
    }
  }

  /// What is written has pixdim, unit, codes, quaternion, offsets and sform of the file, bit for bit, and lies on its grid.
  private func expectSameHeader(_ sample: NIfTISample, _ volume: Volume, _ folder: String) throws {
    try writeVolume(volume, to: "\(folder)/out.nii")
    let written = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(folder)/out.nii")))
    for range in [76..<108, 123..<124, 252..<328] { #expect(written[range] == sample.bytes[range], "bytes \(range)") }
    let again = try readGrid("\(folder)/out.nii")
    #expect(sameGrid(again, volume.grid) == nil && again.affine == volume.grid.affine && again.sides == volume.grid.sides)
  }

  @Test(arguments: [(1, 0.001), (3, 1000.0), (0, 1), (7, 1)])
  func unitsAreReadAndWrittenBack(units: Int, scale: Double) throws {
    try withTemporaryFolder { folder in
      var sample = NIfTISample(qformCode: 1, quaternionOffset: [-10 * scale, -20 * scale, -30 * scale])
      sample.units = UInt8(units)
      sample.pixelDimensions = [1, 2 * scale, 3 * scale, 4 * scale, 0, 0, 0, 0]
      sample.sform = sample.sform.map { $0 * scale }
      let volume = try readVolume(store(sample.bytes, "scan.nii", in: folder))
      for (found, expected) in zip(volume.grid.affine, Self.straight) { #expect(abs(found - expected) < 1e-4) }
      #expect(volume.spacing.description == "4.0x3.0x2.0 mm" && volume.grid.warnings(of: "scan").isEmpty)
      try expectSameHeader(sample, volume, folder)
    }
  }

  @Test(arguments: [
    (1, [1.0, 1, 4], "metres"), (3, [0.5, 0.5, 1], "micrometres"), (2, [1500, 1500, 10], "millimetres"),
    (0, [1e-30, 1e-30, 1e-30], "unknown unit"),
    (1, [0.5, 5, 0.5], "field of view"),
  ])
  func voxelsThatNoScanHasAreRefused(units: Int, sides: [Double], words: String) throws {
    try withTemporaryFolder { folder in
      var sample = NIfTISample()
      (sample.units, sample.pixelDimensions) = (UInt8(units), [1] + sides + [0, 0, 0, 0])
      sample.sform = [sides[0], 0, 0, 0, 0, sides[1], 0, 0, 0, 0, sides[2], 0]
      let path = try store(sample.bytes, "scan.nii", in: folder)
      let error = #expect(throws: VolumeError.self) { try readGrid(path) }
      #expect(
        error?.description.hasPrefix(path) == true && error?.description.contains(words) == true, "\(String(describing: error))")
    }
  }

  @Test func quaternionsThatAreNoRotationAreRefusedWhereTheyCount() throws {
    try withTemporaryFolder { folder in
      let bad = Self.sample(sform: 0, qform: 1, quaternion: [0.9, 0.9, 0.9])
      let path = try store(bad.bytes, "q.nii", in: folder)
      let error = #expect(throws: VolumeError.self) { try readGrid(path) }
      #expect(error?.description.contains("orientation matrix") == true)
      let ignored = Self.sample(sform: 1, qform: 1, quaternion: [0.9, 0.9, .nan])
      #expect(try readGrid(store(ignored.bytes, "s.nii", in: folder)).affine == Self.straight + [0, 0, 0, 1])
    }
  }

  /// Grids are kept in the index of packs: every number comes back, also those for which JSON has no word.
  @Test func gridsSurviveJSON() throws {
    try withTemporaryFolder { folder in
      let odd = Self.sample(
        pixdim: [-1, 2, -3, 4], sform: 4, qform: 2, quaternion: [0.1, .nan, 0.3], offset: [.infinity, 1e-30, -0.0])
      let grid = try readGrid(store(odd.bytes, "scan.nii", in: folder))
      let copy = try JSONDecoder().decode(FileGrid.self, from: JSONEncoder().encode(grid))
      #expect(copy.affine == grid.affine && copy.fileAxis == grid.fileAxis && copy.flipped == grid.flipped)
      let (a, b) = (copy.header, grid.header)
      #expect(
        (a.pixdim + a.quaternion + a.quaternionOffset + a.sform).map(\.bitPattern)
          == (b.pixdim + b.quaternion + b.quaternionOffset + b.sform).map(\.bitPattern))
      #expect((a.units, a.qformCode, a.sformCode) == (b.units, 2, 4))
    }
  }

  @Test func manyWarningsOfOneKindAreCounted() {
    let warnings = (1...20).map { DataWarning(.spacing, "file \($0)") } + [DataWarning(.outlier, "odd")]
    #expect(listed(warnings, limit: 3) == ["file 1", "file 2", "file 3", "... and 17 more such warnings.", "odd"])
    #expect(listed(Array(warnings.prefix(4)), limit: 3).count == 4, "a line for one more takes no less room than its sentence")
  }
}
