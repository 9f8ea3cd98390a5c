// The cases of a folder: every file under its own name, or one sentence that names all that would be left out.

import Foundation
import TestSupport
import Testing
import Training

@Suite struct RawCasesTests {
  private func folder(of names: [String], folders: [String] = []) throws -> TemporaryFolder {
    let folder = TemporaryFolder()
    for name in folders {
      try FileManager.default.createDirectory(atPath: "\(folder.path)/\(name)", withIntermediateDirectories: true)
    }
    for name in names { try Data([1]).write(to: URL(fileURLWithPath: "\(folder.path)/\(name)")) }
    return folder
  }

  private func cases(_ names: [String], channels: Int = 1) throws -> RawCases {
    let folder = try folder(of: names)
    let found = try RawCases(in: folder.path, channels: channels)
    let files = found.cases.flatMap(\.images).map { String($0.dropFirst(folder.path.count + 1)) }
    #expect(files.sorted() == names.filter { !$0.hasSuffix(".img") }.sorted(), "every file is in a case")
    return found
  }

  private func refusal(_ names: [String], folders: [String] = [], channels: Int = 1) throws -> String {
    let folder = try folder(of: names, folders: folders)
    do {
      let found = try RawCases(in: folder.path, channels: channels)
      Issue.record("accepted: \(found.cases.map(\.identifier))")
      return ""
    } catch { return "\(error)".replacingOccurrences(of: folder.path, with: "F") }
  }

  @Test func aNumberIsAChannelOnlyIfAllAreZero() throws {
    let raw = try cases(["p02_0000.nii.gz", "p01_0000.nii", "a_b_0000.NII.GZ"])
    #expect(raw.cases.map(\.identifier) == ["a_b", "p01", "p02"] && raw.note == nil)
    for names in [
      (0..<4).map { "case_000\($0).nii.gz" }, ["scan_2019.nii.gz", "scan_2020.nii.gz", "other.nii.gz"],
      ["t01_0000.nii.gz", "t01_0001.nii.gz"], ["a_0000.nii.gz", "b.nii.gz"], ["_0000.nii.gz"], ["c.hdr", "c.img", "d_0001.nii"],
    ] {
      let found = try cases(names)
      #expect(
        found.cases.map(\.identifier) == names.filter { !$0.hasSuffix(".img") }.map { String($0.prefix { $0 != "." }) }.sorted())
      #expect((found.note == nil) == (names == ["_0000.nii.gz"]))
    }
    #expect(try cases(["plain.nii.gz"]).note == nil)
  }

  @Test func oneFileIsOneCase() throws {
    let folder = try folder(of: ["a_0000.nii.gz", "a_0001.nii", "b_0003.nii", "c.mnc", "d.nii"])
    func names(_ file: String, _ channels: Int = 1) throws -> [String] {
      let found = try RawCases(in: "\(folder.path)/\(file)", channels: channels).cases
      return found.map { "\($0.identifier) \($0.images.count)" }
    }
    #expect(try names("a_0000.nii.gz") == ["a 1"] && names("b_0003.nii") == ["b_0003 1"] && names("d.nii") == ["d 1"])
    #expect(try names("a_0000.nii.gz", 2) == ["a 2"] && names("a_0001.nii", 2) == ["a 2"])
    for (file, channels) in [("b_0003.nii", 2), ("d.nii", 2), ("c.mnc", 1), ("none.nii", 1)] {
      #expect(throws: TrainingError.self, "\(file)") { try names(file, channels) }
    }
  }

  @Test func channelsComeInOrderWhateverTheirEndings() throws {
    let found = try cases(["t2_0001.nii", "t2_0000.nii.gz", "t1_0001.NII.GZ", "t1_0000.hdr", "t1_0000.img"], channels: 2)
    #expect(found.cases.map(\.identifier) == ["t1", "t2"])
    #expect(
      found.cases.flatMap(\.images).map { ($0 as NSString).lastPathComponent }
        == ["t1_0000.hdr", "t1_0001.NII.GZ", "t2_0000.nii.gz", "t2_0001.nii"])
  }

  /// All missing, unknown and nameless channels in one error.
  @Test func channelsThatDoNotFitAreAllListed() throws {
    let text = try refusal(
      [
        "t01_0000.nii.gz", "t01_0001.nii.gz", "t03_0001.nii.gz", "t04_0000.nii.gz", "t04_0001.nii.gz", "t04_0002.nii.gz", "x.nii",
      ],
      channels: 2)
    #expect(
      text.split(separator: "\n").dropFirst() == [
        "  t04_0002.nii.gz is a channel that the network does not have", "  x.nii has no channel number",
        "  t03 has no file of channel 0, t03_0000",
      ], "\(text)")
    #expect(text.hasPrefix("F does not hold one file of each channel for every case"))
  }

  @Test func whatLooksLikeDataIsReadOrNamed() throws {
    let text = try refusal(["a.nii.gz", "b.mnc", "c.dcm", "notes.txt"], folders: ["deeper"])
    #expect(text.split(separator: "\n").dropFirst() == ["  F/b.mnc", "  F/c.dcm", "  F/deeper"], "\(text)")
    #expect(try refusal(["b.mgz", "a.nii"]).hasPrefix("F/b.mgz cannot be read as an image: "))
    #expect(try refusal([]).contains("holds no image"))
    #expect(try refusal(["a.nii", "a.nii.gz"]).contains("a.nii and a.nii.gz"))
  }

  /// A name is the same in both Unicode forms; two files that differ in nothing else are refused.
  @Test func accentsAreWrittenInTwoWays() throws {
    let (composed, decomposed) = ("Jos\u{E9}.nii.gz", "Jose\u{301}.nii.gz")
    let found = try cases([decomposed])
    #expect(Array(found.cases[0].identifier.unicodeScalars) == Array("Jos\u{E9}".unicodeScalars))
    #expect(try refusal([composed, decomposed]).contains("two files for one case"))
  }

  @Test func theOutputFolderIsNoData() throws {
    let folder = try folder(of: ["a.nii"], folders: ["out", "deep/er"])
    #expect(throws: TrainingError.self) { try RawCases(in: folder.path, channels: 1, output: folder.path + "/out") }
    try FileManager.default.removeItem(atPath: folder.path + "/deep")
    #expect(try RawCases(in: folder.path, channels: 1, output: folder.path + "/out").cases.count == 1)
    #expect(try RawCases(in: folder.path, channels: 1, output: folder.path + "/out/more").cases.count == 1)
  }
}
