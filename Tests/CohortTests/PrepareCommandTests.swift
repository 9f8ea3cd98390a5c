// `cohort prepare` as people and clusters use it: on several ranks, two at once, killed and started again, into folders that hold something else.

import Foundation
import TestSupport
import Testing
import Volumes

@Suite(
  .serialized,
  .sharedFolder { folder in
    let (status, output) = try runAlone(
      ["synthesize", "--output", folder + "/raw", "--subjects", "8", "--labelled", "2", "--seed", "3", "--spacing", "4"],
      executable: "cohort")
    try #require(status == 0, "\(output)")
  })
struct PrepareCommandTests {
  /// A raw cohort of small phantoms.
  var raw: String { SharedFolder.path + "/raw" }

  func prepare(_ data: String, to output: String, ranks: Int = 1) throws -> (status: Int32, output: String) {
    let arguments = ["prepare", data, "--output", output]
    return ranks == 1 ? try runAlone(arguments, executable: "cohort") : try mpirun(ranks, arguments, executable: "cohort")
  }

  /// A copy of the cohort that a test may spoil.
  func copy(to folder: String) throws -> String {
    try FileManager.default.copyItem(atPath: raw, toPath: folder + "/data")
    return folder + "/data"
  }

  @Test func ranksShareTheCasesAndWriteTheSameIndex() throws {
    try withTemporaryFolder { folder in
      #expect(
        try prepare(raw, to: folder + "/one").output.contains(
          "8 cases prepared, 0 unchanged, 0 removed; 2 labelled, 4 unlabelled, 2 test;"))
      let (status, output) = try prepare(raw, to: folder + "/three", ranks: 3)
      #expect(status == 0 && output.components(separatedBy: "8 cases prepared").count == 2, "\(output)")
      #expect(output.components(separatedBy: " of 8: ").count == 9, "\(output)")
      let indices = try ["one", "three"].map { try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\($0)/packs.json")) }
      #expect(indices[0] == indices[1])
      try PackReader(folder: folder + "/three").verify()
      #expect(try prepare(raw, to: folder + "/one", ranks: 2).output.contains("0 cases prepared, 8 unchanged"))
    }
  }

  @Test(arguments: [1, 3]) func aBadFileCostsItsCaseOnAnyRank(ranks: Int) throws {
    try withTemporaryFolder { folder in
      let data = try copy(to: folder)
      let files = try Dataset.open(data).cases.filter { $0.role == .unlabelled }.map { $0.images[0] }
      // One breaks off in its voxels, one is no image at all.
      let whole = try Data(contentsOf: URL(fileURLWithPath: files[0]))
      try whole.prefix(whole.count / 2).write(to: URL(fileURLWithPath: files[0]))
      try Data("no image".utf8).write(to: URL(fileURLWithPath: files[2]))
      let (status, output) = try prepare(data, to: folder + "/packs", ranks: ranks)
      #expect(
        status == 3 && output.contains("6 cases prepared") && output.contains("2 cases of \(data) could not be prepared"),
        "\(output)")
      for file in [files[0], files[2]] { #expect(output.contains(file), "\(output)") }
      #expect(try PackIndex(folder: folder + "/packs").omitted.count == 2)
      try whole.write(to: URL(fileURLWithPath: files[0]))
      try FileManager.default.removeItem(atPath: files[2])
      let again = try prepare(data, to: folder + "/packs", ranks: ranks)
      #expect(again.status == 0 && again.output.contains("1 case prepared, 6 unchanged, 0 removed"), "\(again.output)")
      try PackReader(folder: folder + "/packs").verify()
    }
  }

  @Test(arguments: [1, 2]) func theSecondOfTwoSaysWhoIsAtWork(ranks: Int) throws {
    try withTemporaryFolder { folder in
      let writer = try PackWriter(
        folder: folder, preparation: "", labels: LabelMeaning(classNames: ["a", "b"]), channelNames: ["c"])
      let (status, output) = try prepare(raw, to: folder, ranks: ranks)
      withExtendedLifetime(writer) {}
      #expect(status == 3 && output.components(separatedBy: "is held by process \(getpid())").count == 2, "\(output)")
      #expect(!output.contains("H5"), "\(output)")
    }
  }

  @Test func aKilledPreparationGoesOn() throws {
    try withTemporaryFolder { folder in
      let data = folder + "/data", packs = folder + "/packs"
      _ = try runAlone(
        ["synthesize", "--output", data, "--subjects", "12", "--labelled", "2", "--spacing", "2"], executable: "cohort")
      let process = try startAlone(["prepare", data, "--output", packs], executable: "cohort")
      func made() -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: packs)) ?? []).filter { $0.hasPrefix("pack-") }
      }
      while made().count < 2, process.isRunning { usleep(2000) }
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      let before = made().count
      try #require((2..<12).contains(before) && !FileManager.default.fileExists(atPath: packs + "/packs.json"))
      let (status, output) = try prepare(data, to: packs)
      #expect(status == 0 && output.contains("\(counted(12 - before)) prepared, \(before) unchanged"), "\(output)")
      #expect(made().count == 12)
      try PackReader(folder: packs).verify()
    }
  }

  private func counted(_ cases: Int) -> String { cases == 1 ? "1 case" : "\(cases) cases" }

  @Test func nothingOfSomebodyElseIsLost() throws {
    try withTemporaryFolder { folder in
      let data = try copy(to: folder), packs = folder + "/packs"
      #expect(try prepare(raw, to: packs).status == 0)
      try Data("mine".utf8).write(to: URL(fileURLWithPath: packs + "/pack-notes.h5"))
      let before = try FileManager.default.contentsOfDirectory(atPath: packs).sorted()
      let (status, output) = try prepare(data, to: packs)
      #expect(
        status == 3 && output.contains("packs of another data set") && output.contains("choose another --output"), "\(output)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: packs).sorted() == before)
      let (inside, sentence) = try prepare(data, to: data + "/imagesTr")
      #expect(inside == 3 && sentence.split(separator: "\n").count == 1, "\(sentence)")
    }
  }

  @Test func pipesAndStrangersInTheDataAreNamedAtOnce() throws {
    try withTemporaryFolder { folder in
      let data = try copy(to: folder)
      mkfifo(data + "/imagesUn/pipe_0000.nii.gz", 0o600)
      try Data().write(to: URL(fileURLWithPath: data + "/imagesUn/scan.mnc"))
      let (status, output) = try prepare(data, to: folder + "/packs")
      #expect(status == 3 && output.contains("pipe_0000.nii.gz (a named pipe), scan.mnc"), "\(output)")
      #expect(!FileManager.default.fileExists(atPath: folder + "/packs"))
    }
  }

  @Test(arguments: ["1e-300", "1e300", "0", "nan", "1,2", "-1"]) func spacingsThatNoScanHas(spacing: String) throws {
    try withTemporaryFolder { folder in
      let (status, output) = try runAlone(
        ["prepare", raw, "--output", folder + "/packs", "--spacing=\(spacing)"], executable: "cohort")
      #expect(status == 3 && !output.contains("Fatal"), "\(output)")
    }
  }
}
