// Packs: what was added comes back bit for bit; damage and forgery are typed errors; unchanged cases are kept without being rewritten; nothing that
// others made is touched.

import Files
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
    let whole = Extent(extent.depth + 4, extent.height + 3, extent.width + 2)
    return PackedCase(
      identifier: identifier, role: labelled ? .labelled : .unlabelled, extent: extent, spacing: Spacing(2, 1, 1),
      channels: channels, image: image, label: labelled ? label : nil,
      frame: CaseFrame(
        originalExtent: whole, originalSpacing: Spacing(1, 1, 1), cropStart: [1, 2, 1], cropExtent: extent,
        grid: FileGrid(canonical: whole, spacing: Spacing(1, 1, 1))))
  }

  private func writer(_ folder: TemporaryFolder, preparation: String = "A", dataset: String = "") throws -> PackWriter {
    try PackWriter(
      folder: folder.path, preparation: preparation, labels: LabelMeaning(classNames: ["background", "atrium", "ventricle"]),
      channelNames: ["MR", "MR2"],
      dataset: dataset)
  }

  private func add(_ prepared: PackedCase, _ sourceHash: String = "", to writer: PackWriter) throws {
    let intensity = ChannelIntensity(mean: 1, standardDeviation: 2, negativeShare: 0)
    try writer.add(prepared, intensities: [intensity, intensity], sourceHash: sourceHash)
  }

  /// Writes packs of the cases and ends the writer's work.
  private func write(_ names: [String], to folder: TemporaryFolder, dataset: String = "") throws {
    let writer = try writer(folder, dataset: dataset)
    for name in names { try add(sampleCase(name), name, to: writer) }
    _ = try writer.finish()
  }

  private func packFiles(_ folder: TemporaryFolder) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasPrefix("pack-") }.sorted()
  }

  @Test func casesComeBackBitForBit() throws {
    let folder = TemporaryFolder()
    var first = sampleCase("first")
    first.inside = (0..<first.extent.count).map { UInt8($0 % 3 == 0 ? 0 : 1) }
    let second = sampleCase("se/cond ä", extent: Extent(40, 70, 65), labelled: false)
    let writer = try writer(folder)
    try add(first, to: writer)
    try add(second, to: writer)
    #expect(try writer.finish() == 0)
    let reader = try PackReader(folder: folder.path)
    for original in [second, first] {
      let read = try reader.read(original.identifier)
      #expect(read.image.map(\.bitPattern) == original.image.map(\.bitPattern))
      #expect(read.label == original.label && read.inside == original.inside)
      #expect(read.frame == original.frame)
      #expect((read.extent, read.channels, read.role) == (original.extent, original.channels, original.role))
    }
    #expect(try packFiles(folder) == ["pack-00000.h5", "pack-00001.h5"])
    let entry = try #require(reader.index["first"])
    #expect(entry.foregroundCount == [210 - 20, 0, 20])
    try reader.verify()
  }

  @Test func unchangedCasesAreKept() throws {
    let folder = TemporaryFolder()
    try write(["a", "b", "c"], to: folder)
    let second = try writer(folder)
    let kept = try #require(second.kept("a", role: .labelled, sourceHash: "a"))
    #expect(second.kept("b", role: .labelled, sourceHash: "changed") == nil)
    #expect(second.kept("c", role: .unlabelled, sourceHash: "c") == nil)
    try second.append(kept)
    try add(sampleCase("b", extent: Extent(3, 4, 5)), "changed", to: second)
    #expect(try second.finish() == 0 && second.removed == ["c"])
    #expect(try packFiles(folder) == ["pack-00000.h5", "pack-00003.h5"])
    #expect(try PackReader(folder: folder.path).read("b").extent == Extent(3, 4, 5))
    try PackReader(folder: folder.path).verify()
    #expect(try writer(TemporaryFolder(), preparation: "B").kept("a", role: .labelled, sourceHash: "a") == nil)
  }

  /// A preparation that is cut off before its index is written leaves packs that the next one knows by their own entries.
  @Test func finishedPacksOutliveTheirPreparation() throws {
    let folder = TemporaryFolder()
    for role in 0..<2 {
      let writer = try writer(folder)
      if role == 0 {
        try add(sampleCase("a"), "a", to: writer)
        try add(sampleCase("b"), "b", to: writer)
        try Data().write(to: URL(fileURLWithPath: "\(folder.path)/packs.unfinished/pack-00002.h5"))
      } else {
        #expect(writer.kept("b", role: .labelled, sourceHash: "other") == nil)
        try writer.append(try #require(writer.kept("b", role: .labelled, sourceHash: "b")))
        _ = try writer.finish()
      }
    }
    #expect(try packFiles(folder) == ["pack-00001.h5"])
    #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/packs.unfinished"))
    try PackReader(folder: folder.path).verify()
  }

  @Test func nothingOfSomebodyElseIsTouched() throws {
    let folder = TemporaryFolder(), other = TemporaryFolder()
    try write(["x"], to: other, dataset: "/elsewhere/x")
    let foreign = ["pack-notes.h5", "pack-00007.h5", "pack-00003.h5.tmp", "pack-1.h5", "notes.txt"]
    for name in foreign { try Data(name.utf8).write(to: URL(fileURLWithPath: "\(folder.path)/\(name)")) }
    try FileManager.default.copyItem(atPath: other.path + "/pack-00000.h5", toPath: folder.path + "/pack-00004.h5")
    try FileManager.default.copyItem(atPath: other.path + "/pack-00000.h5", toPath: folder.path + "/pack-00000.h5")
    try write(["a"], to: folder)
    try write(["b"], to: folder)
    for name in foreign { #expect(try String(contentsOfFile: "\(folder.path)/\(name)", encoding: .utf8) == name) }
    #expect(try packFiles(folder).filter { !foreign.contains($0) } == ["pack-00000.h5", "pack-00004.h5", "pack-00009.h5"])
    try PackReader(folder: folder.path).verify()
  }

  @Test(arguments: ["packs.json", "packs.lock", "packs.readers", "packs.unfinished"])
  func linksAreNotWrittenThrough(name: String) throws {
    let folder = TemporaryFolder(), target = folder.path + "/target"
    try Data("mine".utf8).write(to: URL(fileURLWithPath: target))
    symlink(target, "\(folder.path)/\(name)")
    let error = #expect(throws: VolumeError.self) { try writer(folder) }
    #expect(error?.description.contains(name) == true)
    #expect(try String(contentsOfFile: target, encoding: .utf8) == "mine")
  }

  /// The data set may move, but another one does not take its folder.
  @Test func aFolderBelongsToOneDataset() throws {
    let folder = TemporaryFolder(), data = TemporaryFolder()
    for name in ["heart", "liver"] {
      try FileManager.default.createDirectory(atPath: "\(data.path)/\(name)", withIntermediateDirectories: true)
      try Data("{}".utf8).write(to: URL(fileURLWithPath: "\(data.path)/\(name)/dataset.json"))
    }
    try write(["a", "b"], to: folder, dataset: data.path + "/heart")
    let error = #expect(throws: VolumeError.self) { try writer(folder, dataset: data.path + "/liver") }
    #expect(error?.description.contains("packs of another data set (\(realPath(data.path))/heart)") == true)
    try PackReader(folder: folder.path).verify()

    try FileManager.default.moveItem(atPath: data.path + "/heart", toPath: data.path + "/hearts")
    let moved = try writer(folder, dataset: data.path + "/hearts")
    #expect(throws: VolumeError.self) { try moved.requireSameDataset(["a": "changed", "z": "b"]) }
    try moved.requireSameDataset(["a": "changed", "b": "b"])
    #expect(moved.kept("b", role: .labelled, sourceHash: "b") != nil)
  }

  @Test func packsStayWhileSomebodyReads() throws {
    let folder = TemporaryFolder()
    try write(["a"], to: folder)
    try withExtendedLifetime(try PackReader(folder: folder.path)) { (reader: PackReader) in
      let second = try writer(folder)
      try add(sampleCase("a"), "changed", to: second)
      #expect(try second.finish() == 1)
      #expect(try reader.read("a").image == sampleCase("a").image)
    }
    try PackReader(folder: folder.path).verify()
    let third = try writer(folder)
    try third.append(try #require(third.kept("a", role: .labelled, sourceHash: "changed")))
    #expect(try third.finish() == 0)
    #expect(try packFiles(folder) == ["pack-00001.h5"])
  }

  @Test func oneWriterAtATime() throws {
    let folder = TemporaryFolder()
    withExtendedLifetime(try writer(folder)) { _ in
      let error = #expect(throws: VolumeError.self) { try writer(folder) }
      #expect(error?.description.contains("packs.lock is held by process \(getpid())") == true, "\(String(describing: error))")
    }
    _ = try writer(folder)
  }

  @Test func wrongSizesAndRepeatedNamesAreErrors() throws {
    let folder = TemporaryFolder()
    let writer = try writer(folder)
    try add(sampleCase("a"), to: writer)
    #expect(throws: VolumeError.self) { try add(sampleCase("a"), to: writer) }
    var short = sampleCase("b")
    short.image.removeLast()
    #expect(throws: VolumeError.self) { try add(short, to: writer) }
  }

  /// Whatever byte of a pack is damaged, either the case comes back as it was or a typed error reports it.
  @Test func flippedBytesNeverGiveWrongArrays() throws {
    let folder = TemporaryFolder()
    let original = sampleCase("a")
    let writer = try writer(folder)
    try add(original, to: writer)
    _ = try writer.finish()
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
    try write(["a"], to: folder)
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
    try write(["a"], to: folder)
    let path = folder.path + "/packs.json"
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    bytes[bytes.count / 2] ^= 1
    try bytes.write(to: URL(fileURLWithPath: path))
    #expect(throws: VolumeError.self) { try PackReader(folder: folder.path) }
    #expect(throws: VolumeError.self) { try PackReader(folder: "/nowhere") }
  }

  /// A seal can be put on anything: what an index says must be possible.
  @Test(arguments: [
    ("\"depth\" : 5", "\"depth\" : -5", "voxels"),
    ("\"depth\" : 5", "\"depth\" : 4611686018427387904", "voxels"),
    ("\"channels\" : 2", "\"channels\" : 1000000", "channels"),
    ("\"pack-00000.h5\"", "\"../pack-00000.h5\"", "no pack's name"),
    ("\"pack-00000.h5\"", "\"/etc/passwd\"", "no pack's name"),
    ("\"identifier\" : \"b\"", "\"identifier\" : \"a\"", "the case a twice"),
    ("\"pack-00001.h5\"", "\"pack-00000.h5\"", "the pack pack-00000.h5 twice"),
    ("\"role\" : \"labelled\"", "\"role\" : \"unlabelled\"", "role unlabelled"),
    ("190", "-190", "foreground counts"),
    ("190", "9223372036854775807", "foreground counts"),
    ("\"fileAxis\" : [", "\"fileAxis\" : [ 7, ", "grid"),
    ("\"cropStart\" : [", "\"cropStart\" : [ 7, ", "crop"),
    ("\"ventricle\"", "\"ventricle\", \"x\", \"y\"", ""),
    ("cohort-pack/2", "cohort-pack/1", "format cohort-pack/1"),
    ("\"entries\"", "\"entities\"", "another version"),
  ])
  func forgedIndicesAreErrors(old: String, new: String, complaint: String) throws {
    let folder = TemporaryFolder()
    try write(["a", "b"], to: folder)
    let path = folder.path + "/packs.json"
    let text = try String(contentsOfFile: path, encoding: .utf8)
    try #require(text.contains(old))
    try reseal(text.replacingOccurrences(of: old, with: new), to: path)
    guard !complaint.isEmpty else {
      #expect(try PackReader(folder: folder.path).index.classNames.count == 5)
      return
    }
    let error = #expect(throws: VolumeError.self) { try PackReader(folder: folder.path) }
    #expect(error?.description.contains(complaint) == true, "\(String(describing: error))")
    #expect(throws: VolumeError.self) { try writer(folder) }
  }

  /// Writes sealed JSON whose content was changed, with the checksum that belongs to it.
  private func reseal(_ text: String, to path: String) throws {
    let start = text.range(of: "crc32:")!.upperBound
    let blank = text.replacingCharacters(in: start..<text.index(start, offsetBy: 8), with: "00000000")
    let digits = String(checksum(of: Array(blank.utf8)), radix: 16)
    let sum = String(repeating: "0", count: 8 - digits.count) + digits
    try Data(blank.replacingOccurrences(of: "crc32:00000000", with: "crc32:" + sum).utf8).write(to: URL(fileURLWithPath: path))
  }

  /// A pack that is not a file of the size that the index promises is found before anything is waited for or allocated.
  @Test func impossiblePacksAreErrors() throws {
    let folder = TemporaryFolder()
    try write(["a"], to: folder)
    let path = folder.path + "/pack-00000.h5", index = folder.path + "/packs.json"
    let text = try String(contentsOfFile: index, encoding: .utf8)
    let larger = text.replacingOccurrences(of: "\"depth\" : 5", with: "\"depth\" : 5000000").replacingOccurrences(
      of: "\"depth\" : 9,", with: "\"depth\" : 9000000,"
    ).replacingOccurrences(of: "190", with: "209999980")
    try reseal(larger, to: index)
    let error = #expect(throws: VolumeError.self) { try PackReader(folder: folder.path).read("a") }
    #expect(error != nil)
    try reseal(text, to: index)
    unlink(path)
    mkfifo(path, 0o600)
    let pipe = #expect(throws: VolumeError.self) { try PackReader(folder: folder.path).read("a") }
    #expect(pipe?.description.contains("named pipe") == true, "\(String(describing: pipe))")
    #expect(try writer(folder).kept("a", role: .labelled, sourceHash: "a") == nil)
  }
}
