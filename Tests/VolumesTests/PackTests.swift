// Packs: what was added comes back bit for bit; damage and truncation are typed errors; unchanged cases are kept without being rewritten.

import Foundation
import TestSupport
import Testing
import Volumes

@Suite struct PackTests {
  private func sampleCase(_ identifier: String, extent: Extent = Extent(5, 6, 7), channels: Int = 2, labelled: Bool = true)
    -> PackedCase
  {
    let image = (0..<extent.count * channels).map { Float(sin(Double($0) * 0.37)) * 3 }
    let label = (0..<extent.count).map { UInt8($0 % 11 == 0 ? 2 : 0) }
    return PackedCase(
      identifier: identifier, role: labelled ? .labelled : .unlabelled, extent: extent, spacing: Spacing(2, 1, 1),
      channels: channels,
      image: image, label: labelled ? label : nil,
      frame: CaseFrame(
        originalExtent: Extent(9, 9, 9), originalSpacing: Spacing(1, 1, 1), cropStart: [1, 2, 1], cropExtent: extent,
        grid: FileGrid(canonical: Extent(9, 9, 9), spacing: Spacing(1, 1, 1))))
  }

  private func writer(_ folder: TemporaryFolder, preparation: String = "A", bytesPerPack: Int = 1 << 30) throws -> PackWriter {
    try PackWriter(
      folder: folder.path, preparation: preparation, classNames: ["background", "atrium"], channelNames: ["MR", "MR2"],
      bytesPerPack: bytesPerPack)
  }

  private func packFiles(_ folder: TemporaryFolder) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasPrefix("pack-") }.sorted()
  }

  @Test func casesComeBackBitForBit() throws {
    let folder = TemporaryFolder()
    let (first, second) = (sampleCase("first"), sampleCase("se/cond ä", extent: Extent(40, 70, 65), channels: 1, labelled: false))
    let writer = try writer(folder)
    try writer.add(first, sourceHash: "x")
    try writer.add(second, sourceHash: "y")
    try writer.finish()
    let reader = try PackReader(folder: folder.path)
    for original in [second, first] {
      let read = try reader.read(original.identifier)
      #expect(read.image.map(\.bitPattern) == original.image.map(\.bitPattern))
      #expect(read.label == original.label)
      #expect(read.frame == original.frame)
      #expect((read.extent, read.channels, read.role) == (original.extent, original.channels, original.role))
    }
    #expect(try packFiles(folder) == ["pack-00000.h5"])
    let entry = try #require(reader.index["first"])
    #expect(entry.foregroundCount == [210 - 20, 0, 20])
    try reader.verify()
  }

  @Test func fullPacksAreFollowedByNewOnes() throws {
    let folder = TemporaryFolder()
    let writer = try writer(folder, bytesPerPack: 2000)
    for number in 0..<4 { try writer.add(sampleCase("case \(number)"), sourceHash: "") }
    try writer.finish()
    #expect(try packFiles(folder) == ["pack-00000.h5", "pack-00001.h5"])
    try PackReader(folder: folder.path).verify()
  }

  @Test func unchangedCasesAreKept() throws {
    let folder = TemporaryFolder()
    let first = try writer(folder, bytesPerPack: 1)
    for name in ["a", "b", "c"] { try first.add(sampleCase(name), sourceHash: name) }
    try first.finish()
    let second = try writer(folder, bytesPerPack: 1)
    #expect(try second.keep("a", role: .labelled, sourceHash: "a"))
    #expect(try !second.keep("b", role: .labelled, sourceHash: "changed"))
    #expect(try !second.keep("c", role: .unlabelled, sourceHash: "c"))
    try second.add(sampleCase("b", channels: 1), sourceHash: "changed")
    try second.finish()
    #expect(try packFiles(folder) == ["pack-00000.h5", "pack-00003.h5"])
    #expect(try PackReader(folder: folder.path).read("b").channels == 1)
    try PackReader(folder: folder.path).verify()
    #expect(try !writer(folder, preparation: "B").keep("a", role: .labelled, sourceHash: "a"))
  }

  @Test func wrongSizesAndRepeatedNamesAreErrors() throws {
    let folder = TemporaryFolder()
    let writer = try writer(folder)
    try writer.add(sampleCase("a"), sourceHash: "")
    #expect(throws: VolumeError.self) { try writer.add(sampleCase("a"), sourceHash: "") }
    var short = sampleCase("b")
    short.image.removeLast()
    #expect(throws: VolumeError.self) { try writer.add(short, sourceHash: "") }
  }

  /// Whatever byte of a pack is damaged, either the case comes back as it was or a typed error reports it.
  @Test func flippedBytesNeverGiveWrongArrays() throws {
    let folder = TemporaryFolder()
    let original = sampleCase("a")
    let writer = try writer(folder)
    try writer.add(original, sourceHash: "")
    try writer.finish()
    let path = folder.path + "/pack-00000.h5"
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    let reader = try PackReader(folder: folder.path)
    var noticed = 0
    for step in 0..<200 {
      var damaged = whole
      damaged[step * whole.count / 200] ^= 0x55
      try damaged.write(to: URL(fileURLWithPath: path))
      do throws(VolumeError) {
        let read = try reader.read("a")
        #expect(read.image == original.image && read.label == original.label)
      } catch {
        noticed += 1
        #expect(error.description.contains("a"))
      }
    }
    #expect(noticed > 50)
  }

  @Test func truncatedPacksAreErrors() throws {
    let folder = TemporaryFolder()
    let writer = try writer(folder)
    try writer.add(sampleCase("a"), sourceHash: "")
    try writer.finish()
    let path = folder.path + "/pack-00000.h5"
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    let reader = try PackReader(folder: folder.path)
    for parts in 0..<8 {
      try whole.prefix(whole.count * parts / 8).write(to: URL(fileURLWithPath: path))
      #expect(throws: VolumeError.self) { try reader.read("a") }
    }
    try FileManager.default.removeItem(atPath: path)
    #expect(throws: VolumeError.self) { try reader.verify() }
  }

  @Test func damagedIndexIsAnError() throws {
    let folder = TemporaryFolder()
    try writer(folder).finish()
    let path = folder.path + "/packs.json"
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    bytes[bytes.count / 2] ^= 1
    try bytes.write(to: URL(fileURLWithPath: path))
    #expect(throws: VolumeError.self) { try PackReader(folder: folder.path) }
    #expect(throws: VolumeError.self) { try PackReader(folder: "/nowhere") }
  }
}
