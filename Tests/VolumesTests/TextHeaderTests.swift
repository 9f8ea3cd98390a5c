// NRRD and MetaImage against the same volume in NIfTI: voxels and grid; and headers and data that are wrong.

import CZlib
import Foundation
import TestSupport
import Testing
import Volumes

@Suite struct TextHeaderTests {
  /// 3 x 4 x 5 voxels along file axes that are oblique and run to the left, to posterior and to superior.
  private let dimensions = [3, 4, 5]
  private let values = (0..<60).map { Int16($0 * 37 % 101 - 20) }
  private let sides = [0.8, 1.25, 3.0], origin = [12.5, -7.25, 40.0]
  /// The directions of the file's axes in LPS+, unit vectors.
  private let axes: [[Double]] = {
    let (c, s) = (cos(0.2), sin(0.2))
    return [[c, s, 0], [-s, c, 0], [0, 0, 1]]
  }()

  private var steps: [[Double]] { zip(axes, sides).map { axis, side in axis.map { $0 * side } } }
  private func words(_ numbers: [Double]) -> String { numbers.map { "\($0)" }.joined(separator: " ") }
  private func vector(_ numbers: [Double]) -> String { "(" + numbers.map { "\($0)" }.joined(separator: ",") + ")" }

  private func raw(bigEndian: Bool = false) -> [UInt8] {
    values.flatMap { value in withUnsafeBytes(of: bigEndian ? value.bigEndian : value.littleEndian) { Array($0) } }
  }

  private func deflated(_ bytes: [UInt8], gzip: Bool) throws -> [UInt8] {
    if gzip {
      return try withTemporaryFolder { folder in
        let stream = gzopen(folder + "/x.gz", "wb")
        try #require(gzwrite(stream, bytes, UInt32(bytes.count)) == Int32(bytes.count) && gzclose(stream) == Z_OK)
        return Array(try Data(contentsOf: URL(fileURLWithPath: folder + "/x.gz")))
      }
    }
    var result = [UInt8](repeating: 0, count: bytes.count + 1000), count = uLongf(result.count)
    try #require(compress(&result, &count, bytes, uLong(bytes.count)) == Z_OK)
    return Array(result.prefix(Int(count)))
  }

  /// - Parameter signs: from LPS to the space.
  private func nrrd(
    _ space: String = "left-posterior-superior", signs: [Double] = [1, 1, 1], type: String = "short", encoding: String = "raw",
    endian: String = "little", extra: String = ""
  ) -> [UInt8] {
    func turned(_ v: [Double]) -> [Double] { zip(v, signs).map { $0 * $1 } }
    return Array(
      """
      NRRD0004
      # Complete NRRD file format specification at:
      type: \(type)
      dimension: 3
      space: \(space)
      sizes: 3 4 5
      space directions: \(steps.map { vector(turned($0)) }.joined(separator: " "))
      kinds: domain domain domain
      endian: \(endian)
      encoding: \(encoding)
      space origin: \(vector(turned(origin)))
      \(extra.isEmpty ? "" : extra + "\n")
      """.utf8) + [10]
  }

  private func metaImage(_ changes: [String: String] = [:]) -> [UInt8] {
    let fields = [
      ("ObjectType", "Image"), ("NDims", "3"), ("BinaryData", "True"), ("BinaryDataByteOrderMSB", "False"),
      ("CompressedData", "False"), ("TransformMatrix", words(axes.flatMap { $0 })), ("Offset", words(origin)),
      ("ElementSpacing", words(sides)), ("DimSize", "3 4 5"), ("ElementType", "MET_SHORT"), ("ElementDataFile", "LOCAL"),
    ]
    return Array(fields.map { "\($0.0) = \(changes[$0.0] ?? $0.1)\n" }.joined().utf8)
  }

  private func write(_ bytes: [UInt8], to path: String) throws { try Data(bytes).write(to: URL(fileURLWithPath: path)) }

  /// Compares a file with the same volume in NIfTI.
  private func expectTheVolume(_ path: String, _ comment: Comment, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let rows = (0..<3).flatMap { row -> [Double] in
      let sign = row < 2 ? -1.0 : 1.0, entries: [Double] = steps.map { $0[row] } + [origin[row]]
      return entries.map { sign * $0 }
    }
    let grid = FileGrid(dimensions: dimensions, affine: rows)
    let volume = try readVolume(path), strides = [1, 3, 12]
    var expected: [Float] = []
    for d in 0..<grid.extent.depth {
      for h in 0..<grid.extent.height {
        for w in 0..<grid.extent.width {
          let place = [d, h, w].enumerated().reduce(0) { sum, step in
            let axis = grid.fileAxis[step.offset], last = dimensions[axis] - 1
            return sum + strides[axis] * (grid.flipped[step.offset] ? last - step.element : step.element)
          }
          expected.append(Float(values[place]))
        }
      }
    }
    #expect(volume.voxels == expected, comment, sourceLocation: sourceLocation)
    #expect(volume.extent == grid.extent && volume.grid.fileAxis == grid.fileAxis, comment, sourceLocation: sourceLocation)
    let isSame = zip(volume.grid.affine, grid.affine).allSatisfy { abs($0 - $1) < 1e-9 }
    #expect(isSame && sameGrid(volume.grid, grid) == nil, comment, sourceLocation: sourceLocation)
  }

  @Test func everyWayToStoreAVolumeGivesTheSame() throws {
    try withTemporaryFolder { folder in
      let local: [(String, [UInt8])] = [
        ("lps.nrrd", nrrd() + raw()),
        ("ras.nrrd", nrrd("RAS", signs: [-1, -1, 1]) + raw()),
        ("las.nrrd", nrrd("left-anterior-superior", signs: [1, -1, 1]) + raw()),
        ("big.nrrd", nrrd(endian: "big") + raw(bigEndian: true)),
        ("gzip.nrrd", nrrd(encoding: "gzip") + (try deflated(raw(), gzip: true))),
        ("skip.nrrd", nrrd(extra: "byte skip: 7") + [UInt8](repeating: 9, count: 7) + raw()),
        ("raw.mha", metaImage() + raw()),
        ("big.mha", metaImage(["BinaryDataByteOrderMSB": "True"]) + raw(bigEndian: true)),
        ("zlib.mha", metaImage(["CompressedData": "True"]) + (try deflated(raw(), gzip: false))),
      ]
      for (name, bytes) in local {
        try write(bytes, to: "\(folder)/\(name)")
        try expectTheVolume("\(folder)/\(name)", "\(name)")
        #expect(filesOfVolume("\(folder)/\(name)") == ["\(folder)/\(name)"])
      }
      try write(raw(), to: folder + "/v.raw")
      try write(nrrd(extra: "data file: v.raw"), to: folder + "/v.nhdr")
      try write(metaImage(["ElementDataFile": "v.raw"]), to: folder + "/w.mhd")
      for name in ["v.nhdr", "w.mhd"] {
        try expectTheVolume("\(folder)/\(name)", "\(name)")
        #expect(filesOfVolume("\(folder)/\(name)") == ["\(folder)/\(name)", folder + "/v.raw"])
      }
    }
  }

  @Test func foldersKnowTheirEndings() throws {
    try withTemporaryFolder { folder in
      for name in ["a_0000.nrrd", "b_0000.mha", "c_0000.mhd", "c_0000.zraw", "d_0000.nhdr", "d_0000.raw", "e.raw"] {
        try write([1], to: "\(folder)/\(name)")
      }
      let found = try ImageFolder(folder)
      #expect(found.images.map(\.stem) == ["a_0000", "b_0000", "c_0000", "d_0000"] && found.unread == ["e.raw"])
    }
  }

  @Test func wrongFilesAreRefusedByName() throws {
    let gzip = try deflated(raw(), gzip: true)
    let cases: [(String, [UInt8], String)] = [
      ("short.nrrd", nrrd() + raw().dropLast(1), "is truncated"),
      ("long.nrrd", nrrd() + raw() + [UInt8](repeating: 0, count: 9000), "more bytes than its header promises"),
      ("cut.nrrd", nrrd(encoding: "gzip") + gzip.dropLast(20), "is truncated"),
      ("damaged.nrrd", nrrd(encoding: "gzip") + gzip.prefix(12) + [255, 255, 255] + gzip.dropFirst(15), "is damaged"),
      ("more.mha", metaImage(["CompressedData": "True"]) + (try deflated(raw() + raw(), gzip: false)), "more bytes"),
      ("text.nrrd", nrrd(encoding: "ascii") + raw(), "encoding ascii"),
      ("block.nrrd", nrrd(type: "block") + raw(), "type block"),
      ("list.nrrd", nrrd(extra: "data file: LIST") + raw(), "several files"),
      ("gone.nrrd", nrrd(extra: "data file: gone.raw"), "gone.raw does not exist"),
      ("twice.nrrd", nrrd(extra: "type: float") + raw(), "twice"),
      ("four.mha", metaImage(["NDims": "4", "DimSize": "3 4 5 2"]) + raw(), "has 4 axes (3 4 5 2)"),
      ("huge.mha", metaImage(["DimSize": "2000000 2000000 2000000"]) + raw(), "damaged header"),
      ("promises.mha", metaImage(["DimSize": "300 400 500"]) + raw(), "is truncated"),
      ("none.mha", metaImage(["DimSize": "3 0 5"]) + raw(), "damaged header"),
      ("flat.mha", metaImage(["TransformMatrix": "1 0 0 1 0 0 0 0 1"]) + raw(), "orientation matrix"),
      ("nan.mha", metaImage(["Offset": "nan 0 0"]) + raw(), "Offset as nan 0 0"),
      ("complex.mha", metaImage(["ElementType": "MET_FLOAT_ARRAY"]) + raw(), "MET_FLOAT_ARRAY"),
    ]
    try withTemporaryFolder { folder in
      for (name, bytes, expected) in cases {
        try write(bytes, to: "\(folder)/\(name)")
        let error = #expect(throws: VolumeError.self, "\(name)") { _ = try readVolume("\(folder)/\(name)") }
        #expect(
          error?.description.contains(expected) == true && error?.description.contains(folder) == true, "\(name): \(error as Any)"
        )
      }
    }
  }

  /// A volume that tells no orientation is read as ITK does, and that is said.
  @Test func unknownOrientationIsWarnedOf() throws {
    try withTemporaryFolder { folder in
      let text = "NRRD0004\ntype: int16\ndimension: 3\nsizes: 3 4 5\nspacings: 1 2 3\nendian: little\nencoding: raw\n\n"
      try write(Array(text.utf8) + raw(), to: folder + "/plain.nrrd")
      let grid = try readGrid(folder + "/plain.nrrd")
      #expect(grid.orientation == "LPS" && grid.sides == [1, 2, 3])
      #expect(grid.warnings(of: "plain.nrrd").map(\.description).joined().contains("stores no orientation"))
    }
  }
}
