// Writing NIfTI: back to the exact grid, the same bytes each time, nothing half-written.

import Foundation
import TestSupport
import Testing

import Volumes

@Suite struct NIfTIWriteTests {
  /// A file with both transforms, permuted and flipped axes.
  private func awkwardSample() -> NIfTISample {
    var sample = NIfTISample(type: 16, qformCode: 2, quaternion: [0.1, -0.2, 0.3], quaternionOffset: [11, -12, 13.5])
    sample.sformCode = 4
    sample.pixelDimensions[0] = -1
    // Columns of the lengths 2, 3 and 4 at right angles: x runs to posterior, y to superior, z to the left, all a little turned.
    let (c, s) = (cos(0.1), sin(0.1))
    sample.sform = [0, 3 * s, -4 * c, 7, -2, 0, 0, 8.25, 0, 3 * c, 4 * s, -9]
    return sample
  }

  @Test func volumeReturnsToTheGridItCameFrom() throws {
    try withTemporaryFolder { folder in
      let original = try store(awkwardSample().bytes, "in.nii", in: folder)
      let volume = try readVolume(original)
      #expect(volume.grid.fileAxis != [2, 1, 0] && volume.grid.flipped.contains(true))
      for name in ["out.nii", "out.nii.gz"] {
        try writeVolume(volume, to: "\(folder)/\(name)")
        let again = try readVolume("\(folder)/\(name)")
        #expect(again.voxels == volume.voxels && again.extent == volume.extent && again.spacing == volume.spacing)
        #expect(again.grid == volume.grid)
        #expect(again.grid.header.sformCode == 4 && again.grid.header.qformCode == 2 && again.grid.header.pixdim[0] == -1)
      }
      // The voxels in the file, in the file's order: 352 bytes of header, then 0, 1, 2, ...
      let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(folder)/out.nii")))
      #expect(Array(bytes[352...]) == Array(awkwardSample().bytes[352...]))
    }
  }

  @Test func labelsAreBytesWithUnitSlope() throws {
    try withTemporaryFolder { folder in
      let grid = try readGrid(store(awkwardSample().bytes, "in.nii", in: folder))
      let labels = LabelVolume(extent: grid.extent, spacing: grid.spacing, labels: (0..<24).map { UInt8($0 % 5) }, grid: grid)
      try writeLabels(labels, to: "\(folder)/out.nii")
      #expect(try readLabels("\(folder)/out.nii").labels == labels.labels)
      let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(folder)/out.nii")))
      #expect(bytes.count == 352 + 24 && bytes[70] == 2 && bytes[72] == 8)
      #expect(bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 112, as: Float.self) } == 1)
    }
  }

  @Test func compressedFilesAreTheSameBytesEachTime() throws {
    try withTemporaryFolder { folder in
      let extent = Extent(5, 6, 7)
      let grid = FileGrid(canonical: extent, spacing: Spacing(1, 2, 3))
      let volume = Volume(extent: extent, spacing: grid.spacing, voxels: (0..<extent.count).map { Float($0) / 7 }, grid: grid)
      try writeVolume(volume, to: "\(folder)/first.nii.gz")
      try writeVolume(volume, to: "\(folder)/second.nii.gz")
      let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(folder)/first.nii.gz")))
      #expect(bytes == [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(folder)/second.nii.gz"))))
      #expect(Array(bytes[0..<8]) == [0x1F, 0x8B, 8, 0, 0, 0, 0, 0], "gzip header without name and with time 0")
      #expect(try fileHash("\(folder)/first.nii.gz") == fileHash("\(folder)/second.nii.gz"))
    }
  }

  @Test func unwritablePlacesAreErrorsAndLeaveNothingBehind() throws {
    try withTemporaryFolder { folder in
      let grid = FileGrid(canonical: Extent(2, 2, 2), spacing: Spacing(1, 1, 1))
      let labels = LabelVolume(extent: grid.extent, spacing: grid.spacing, labels: [UInt8](repeating: 1, count: 8), grid: grid)
      try FileManager.default.createDirectory(atPath: "\(folder)/taken.nii.gz", withIntermediateDirectories: true)
      for path in ["\(folder)/none/out.nii.gz", "\(folder)/taken.nii.gz"] {
        let error = #expect(throws: VolumeError.self) { try writeLabels(labels, to: path) }
        #expect(error?.description.hasPrefix("\(path) cannot be written") == true)
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["taken.nii.gz"])
    }
  }

  @Test func hashSeesEveryByte() throws {
    try withTemporaryFolder { folder in
      // CRC-32 and Adler-32 of "abc" are well known.
      let (first, second) = (try store(Array("abc".utf8), "a", in: folder), try store(Array("abd".utf8), "b", in: folder))
      #expect(try fileHash(first) == "352441c2024d0127-3")
      #expect(try fileHash(second) != "352441c2024d0127-3")
    }
  }

  @Test func gridDifferencesAreNamedAndMeasured() {
    let extent = Extent(4, 5, 6)
    let grid = FileGrid(canonical: extent, spacing: Spacing(1, 1, 2))
    #expect(sameGrid(grid, grid) == nil)
    #expect(sameGrid(grid, FileGrid(canonical: extent, spacing: Spacing(1, 1.1, 2)))?.kind == .spacing)
    #expect(sameGrid(grid, FileGrid(canonical: Extent(4, 6, 5), spacing: Spacing(1, 1, 2)))?.kind == .shape)
    var affine = grid.affine
    (affine[1], affine[5]) = (sin(0.1), cos(0.1))
    let turned = sameGrid(grid, FileGrid(dimensions: grid.dimensions, affine: affine))
    #expect(turned?.kind == .direction && turned?.description.contains("5.7") == true)
  }

  /// The same voxels stored right-to-left are the same grid once both are in canonical orientation.
  @Test func gridsAreComparedInCanonicalOrientation() {
    let grid = FileGrid(canonical: Extent(4, 5, 6), spacing: Spacing(1, 1, 2))
    var affine = grid.affine
    (affine[0], affine[3]) = (-2, 10)
    let mirrored = FileGrid(dimensions: grid.dimensions, affine: affine)
    #expect(mirrored.flipped[2] && sameGrid(grid, mirrored) == nil)
  }

  @Test(arguments: ["p.nii", "p.nii.gz"]) func aPredictionIsKnownAgainUntilItIsChanged(name: String) throws {
    try withTemporaryFolder { folder in
      let extent = Extent(3, 4, 5), path = "\(folder)/\(name)"
      var labels = LabelVolume(
        extent: extent, spacing: Spacing(1, 1, 1), labels: (0..<60).map { UInt8($0 % 3) },
        grid: FileGrid(canonical: extent, spacing: Spacing(1, 1, 1)))
      try writePrediction(labels, to: path)
      #expect(isUnchangedPrediction(path))
      #expect(try readLabels(path).labels == labels.labels && readLabels(path).grid == labels.grid)
      let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
      try writePrediction(labels, to: path)
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == bytes, "the same labels, the same bytes")
      try writeLabels(labels, to: path)
      #expect(!isUnchangedPrediction(path), "labels that nobody predicted")
      // Corrected by hand: another program keeps the description.
      labels.labels[7] = 2
      try writePrediction(labels, to: "\(folder)/plain.nii")
      for offset in [80, 300, 352 + 7] {
        var changed = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/plain.nii"))
        changed[offset] ^= 1
        try changed.write(to: URL(fileURLWithPath: "\(folder)/changed.nii"))
        #expect(!isUnchangedPrediction("\(folder)/changed.nii"), "byte \(offset)")
      }
      #expect(!isUnchangedPrediction(folder) && !isUnchangedPrediction("\(folder)/none.nii"))
    }
  }
}
