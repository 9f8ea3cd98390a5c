// Reading NIfTI: types, byte orders, versions, compression, scaling, orientation; and one clear sentence for each kind of bad file.

import Foundation
import TestSupport
import Testing

import Volumes

@Suite struct NIfTIReadTests {
  private let scalarTypes = [2, 4, 8, 16, 64, 256, 512, 768, 1024, 1280]

  @Test(arguments: [1, 2], [false, true])
  func everyScalarType(version: Int, bigEndian: Bool) throws {
    try withTemporaryFolder { folder in
      for type in scalarTypes {
        let sample = NIfTISample(version: version, bigEndian: bigEndian, type: type)
        let volume = try readVolume(store(sample.bytes, "\(type).nii", in: folder))
        #expect(volume.extent == Extent(4, 2, 3))
        #expect(volume.spacing == Spacing(4, 3, 2))
        #expect(volume.voxels == (0..<24).map(Float.init), "type \(type)")
        #expect(volume.grid.affine == [2, 0, 0, -10, 0, 3, 0, -20, 0, 0, 4, -30, 0, 0, 0, 1])
      }
    }
  }

  @Test func compressionGoesByContentNotByName() throws {
    try withTemporaryFolder { folder in
      let bytes = NIfTISample().bytes
      let packed = try gzipped(bytes, in: folder)
      for (name, content) in [("a.nii", packed), ("b.nii.gz", bytes), ("c.nii.gz", packed), ("d", packed)] {
        #expect(try readVolume(store(content, name, in: folder)).voxels == (0..<24).map(Float.init), "\(name)")
      }
      let members = try gzipped(Array(bytes[..<360]), in: folder) + gzipped(Array(bytes[360...]), in: folder)
      #expect(try readVolume(store(members, "two-members.nii.gz", in: folder)).voxels.last == 23)
    }
  }

  @Test(arguments: [
    (2.0, -1.0, Float(45)), (0, 5, 23), (.nan, 5, 23), (.infinity, 5, 23), (1, 0.5, 23.5), (0.5, .nan, 11.5),
  ])
  func slopeAndIntercept(slope: Double, intercept: Double, last: Float) throws {
    try withTemporaryFolder { folder in
      let sample = NIfTISample(slope: slope, intercept: intercept)
      let volume = try readVolume(store(sample.bytes, "a.nii", in: folder))
      #expect(volume.voxels.last == last)
    }
  }

  @Test func dataOffsetUnitsAndExtraAxes() throws {
    try withTemporaryFolder { folder in
      var sample = NIfTISample(dimensions: [5, 3, 2, 4, 1, 1, 1, 1], offset: 400, units: 1)
      sample.pixelDimensions = [1, 0.002, -0.003, 0.004, 1, 1, 1, 1]
      sample.sform = [0.002, 0, 0, -0.01, 0, 0.003, 0, 0, 0, 0, 0.004, 0]
      let volume = try readVolume(store(sample.bytes, "metres.nii", in: folder))
      #expect(volume.voxels == (0..<24).map(Float.init))
      #expect(
        abs(volume.spacing.width - 2) < 1e-6 && abs(volume.spacing.height - 3) < 1e-6 && abs(volume.spacing.depth - 4) < 1e-6)
      #expect(abs(volume.grid.origin[0] + 10) < 1e-5)
    }
  }

  /// Every way to lay the axes of a file in the patient: canonical voxels must be where their world coordinates say.
  @Test func canonicalOrientationOfAll48() throws {
    try withTemporaryFolder { folder in
      for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        for signs in 0..<8 {
          var sample = NIfTISample()
          sample.pixelDimensions = [1, 2, 2, 2, 0, 0, 0, 0]
          sample.sform = [Double](repeating: 0, count: 12)
          for (column, row) in order.enumerated() { sample.sform[4 * row + column] = signs >> column & 1 == 1 ? -2 : 2 }
          let volume = try readVolume(store(sample.bytes, "a.nii", in: folder))
          for axis in 0..<3 { #expect(volume.grid.direction(axis)[2 - axis] == 1) }
          // Stored value of file voxel (x, y, z) is x + 3y + 6z; the canonical voxel next along W must lie 2 mm to the right.
          for (index, value) in volume.voxels.enumerated() {
            let (d, h, w) = (
              index / (volume.extent.height * volume.extent.width), index / volume.extent.width % volume.extent.height,
              index % volume.extent.width
            )
            let (x, y, z) = (Int(value) % 3, Int(value) / 3 % 2, Int(value) / 6)
            let world = (0..<3).map { row in
              sample.sform[4 * row] * Double(x) + sample.sform[4 * row + 1] * Double(y) + sample.sform[4 * row + 2] * Double(z)
            }
            let expected = zip(volume.grid.origin, [w, h, d]).map { $0 + 2 * Double($1) }
            #expect(world == expected)
          }
        }
      }
    }
  }

  @Test func sformBeforeQformBeforePixelDimensions() throws {
    try withTemporaryFolder { folder in
      // A rotation by 180 degrees about z: x and y run backwards.
      var sample = NIfTISample(qformCode: 1, quaternion: [0, 0, 1], quaternionOffset: [5, 6, 7])
      #expect(try readGrid(store(sample.bytes, "s.nii", in: folder)).flipped == [false, false, false])
      sample.sformCode = 0
      let q = try readGrid(store(sample.bytes, "q.nii", in: folder))
      #expect(q.flipped == [false, true, true])
      #expect(zip(q.affine, [-2, 0, 0, 5, 0, -3, 0, 6, 0, 0, 4, 7, 0, 0, 0, 1]).allSatisfy { abs($0 - $1) < 1e-6 })
      sample.qformCode = 0
      let p = try readGrid(store(sample.bytes, "p.nii", in: folder))
      #expect(p.affine == [-2, 0, 0, 0, 0, -3, 0, 0, 0, 0, 4, 0, 0, 0, 0, 1])
    }
  }

  @Test func obliqueScansKeepTheirStoredSpacing() throws {
    try withTemporaryFolder { folder in
      let (c, s) = (cos(0.3), sin(0.3))
      var sample = NIfTISample()
      sample.sform = [2 * c, -3 * s, 0, 0, 2 * s, 3 * c, 0, 0, 0, 0, 4, 0]
      let grid = try readGrid(store(sample.bytes, "a.nii", in: folder))
      #expect(grid.spacing == Spacing(4, 3, 2))
    }
  }

  @Test(arguments: [
    ([Double](repeating: 0.2, count: 24), "0.2"), ([Double](repeating: -1, count: 24), "-1.0"),
    ([Double](repeating: 256, count: 24), "256.0"), ([Double](repeating: .nan, count: 24), "nan"),
  ])
  func labelsMustBeSmallWholeNumbers(values: [Double], named: String) throws {
    try withTemporaryFolder { folder in
      let path = try store(NIfTISample(type: 16, values: values).bytes, "labels.nii", in: folder)
      let error = #expect(throws: VolumeError.self) { try readLabels(path) }
      #expect(error?.description.contains(path) == true)
      #expect(error?.description.contains("label \(named):") == true, "\(String(describing: error))")
    }
  }

  @Test func labelsAreRoundedAfterScaling() throws {
    try withTemporaryFolder { folder in
      let values = (0..<24).map { Double($0 * 10) }
      let sample = NIfTISample(type: 16, slope: 0.1, values: values)
      let labels = try readLabels(store(sample.bytes, "a.nii.gz", in: folder))
      #expect(labels.labels == (0..<24).map { UInt8($0) })
    }
  }

  @Test func errorsOfBadFilesNameTheFileAndAHint() throws {
    try withTemporaryFolder { folder in
      let good = NIfTISample().bytes
      let packed = try gzipped(good, in: folder)
      var corrupt = packed
      corrupt[packed.count / 2] ^= 0x55
      var huge = NIfTISample(version: 2)
      huge.dimensions = [3, 1 << 40, 1 << 40, 1 << 40, 1, 1, 1, 1]
      huge.values = []
      var singular = NIfTISample()
      singular.sform = [Double](repeating: 0, count: 12)
      let cases: [(String, [UInt8], String)] = [
        ("truncated.nii", Array(good.dropLast()), "truncated"), ("truncated.nii.gz", Array(packed.dropLast(20)), "damaged"),
        ("no-checksum.nii.gz", Array(packed.dropLast(4)), "damaged"), ("corrupt.nii.gz", corrupt, "damaged"),
        ("gzip-of-half.nii.gz", try gzipped(Array(good.dropLast(7)), in: folder), "truncated"),
        ("empty.nii", [], "not a NIfTI file"),
        ("text.nii", Array(String(repeating: "not an image ", count: 50).utf8), "not a NIfTI file"),
        ("header-only.nii", Array(good[..<348]), "truncated"), ("huge.nii", huge.bytes, "damaged header"),
        ("pair.hdr", NIfTISample(magic: "ni1\0").bytes, ".img"), ("analyze.nii", NIfTISample(magic: "\0\0\0\0").bytes, "Analyze"),
        ("4d.nii", NIfTISample(dimensions: [4, 3, 2, 4, 7, 1, 1, 1]).bytes, "fourth axis of 7"),
        ("no-size.nii", NIfTISample(dimensions: [3, 3, 0, 4, 1, 1, 1, 1]).bytes, "damaged header"),
        ("singular.nii", singular.bytes, "orientation matrix"), ("bit.nii", NIfTISample(type: 1).bytes, "bit"),
        ("complex.nii", NIfTISample(type: 32).bytes, "complex64"), ("rgb.nii", NIfTISample(type: 128).bytes, "RGB"),
        ("float128.nii", NIfTISample(type: 1536).bytes, "float128"),
        ("nan.nii", NIfTISample(type: 16, values: [.nan] + [Double](repeating: 0, count: 23)).bytes, "1 voxels that are NaN"),
      ]
      for (name, bytes, expected) in cases {
        let path = try store(bytes, name, in: folder)
        let error = #expect(throws: VolumeError.self, "\(name)") { try readVolume(path) }
        let text = error?.description ?? ""
        #expect(text.hasPrefix(path) && text.contains(expected) && text.contains(": ") && text.hasSuffix("."), "\(text)")
      }
      for (path, expected) in [("\(folder)/missing.nii", "does not exist"), (folder, "is a folder")] {
        let error = #expect(throws: VolumeError.self) { try readVolume(path) }
        #expect(error?.description.contains(expected) == true)
      }
    }
  }
}
