// `cohort predict --quality`: estimates beside predictions, the same on any number of ranks, held against the truth, and what hinders them.

import Foundation
import TestSupport
import Testing
import Training
import Volumes

@Suite(
  .serialized,
  .sharedFolder { folder in
    try TinyCohort.write(to: folder + "/data")
    let file = folder + "/run.yaml"
    try TinyCohort.runFile(data: folder + "/data", output: folder + "/run", method: "supervised")
      .write(toFile: file, atomically: true, encoding: .utf8)
    let (status, output) = try runAlone(["train", file, "steps=30", "lanes=1", "checkpoint.every=0"], executable: "cohort")
    try #require(status == 0, "\(output)")
    for name in ["images", "labels"] {
      try FileManager.default.createDirectory(atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
    }
    for identifier in TinyCohort.test + ["flat"] {
      let case_ = TinyCohort.phantom(identifier, .test), grid = case_.frame.grid
      let voxels = identifier == "flat" ? case_.image.map { _ in Float(1) } : case_.image
      try writeVolume(
        Volume(extent: case_.extent, spacing: case_.spacing, voxels: voxels, grid: grid),
        to: "\(folder)/images/\(identifier).nii.gz")
      guard identifier != "flat" else { continue }
      try writeLabels(
        LabelVolume(extent: case_.extent, spacing: case_.spacing, labels: case_.label!, grid: grid),
        to: "\(folder)/labels/\(identifier).nii.gz")
    }
  })
struct QualityTests {
  private let folder = TemporaryFolder()
  private var shared: String { SharedFolder.path }

  private func predict(_ ranks: Int, to out: String, run: String? = nil) throws -> (status: Int32, output: String) {
    try mpirun(
      ranks, ["predict", "--checkpoint", run ?? shared + "/run", "--input", shared + "/images", "--output", out, "--quality"],
      timeout: 120, executable: "cohort")
  }

  @Test func theSameOnAnyNumberOfRanksAndHeldAgainstTheTruth() throws {
    let paths = try [1, 3].map { ranks in
      let out = "\(folder.path)/\(ranks)", (status, output) = try predict(ranks, to: out)
      try #require(status == 0, "\(output)")
      #expect(output.contains("estimated Dice by 2 labelled volumes, whose labels agree with each other by Dice 0."), "\(output)")
      #expect(output.contains("look at these first:\n  flat  not known: it is the same everywhere"), "\(output)")
      return out + "/quality.csv"
    }
    let tables = try paths.map { try String(contentsOfFile: $0, encoding: .utf8) }
    #expect(tables[0] == tables[1])
    let lines = tables[0].split(separator: "\n").map { $0.split(separator: ",", omittingEmptySubsequences: false) }
    #expect(lines[0] == ["case", "bright", "dim", "mean", "low", "high", "reason"])
    #expect(lines[1].dropFirst().prefix(5).allSatisfy(\.isEmpty) && lines[1][6] == "it is the same everywhere")
    let means = try lines.dropFirst(2).map { try #require(Double($0[3])) }
    #expect(means.count == 3 && means == means.sorted(), "the worst first")
    for line in lines.dropFirst(2) { #expect(Double(line[4])! <= Double(line[3])! && Double(line[3])! <= Double(line[5])!) }
    let (status, output) = try runAlone(
      [
        "evaluate", "--predictions", folder.path + "/1", "--references", shared + "/labels", "--quality", paths[0],
      ], executable: "cohort")
    #expect(status == 0 && output.contains("estimated against true Dice of 3 cases: mean absolute error 0."), "\(output)")
  }

  @Test func goodAndBadResultsAreFarApart() throws {
    let reader = try PackReader(folder: shared + "/data")
    let estimation = try QualityEstimation(ModelEnsemble(checkpoints: [shared + "/run"], networks: .student))
    let volume = try reader.read("test-1"), truth = try #require(volume.label)
    var state: UInt64 = 3
    let noise = truth.map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return UInt8(state >> 33 & 1)
    }
    let found = [truth, truth.map { $0 == 2 ? 0 : $0 }, noise].map { labels in
      estimation.agreement(
        of: LabelVolume(extent: volume.extent, spacing: volume.spacing, labels: labels, grid: volume.frame.grid), on: volume
      )
      .agreement.dice
    }
    #expect(try #require(found[0][0]) > 0.75 && #require(found[0][1]) > 0.75, "\(found)")
    #expect(found[1][0] == found[0][0] && found[1][1] == 0, "one class is lost")
    #expect(try #require(found[2][0]) < 0.2 && found[2][1] == 0)
  }

  /// Where no labelled volume is held out, estimates choose the best checkpoint: the same ones on any number of ranks.
  @Test func estimatesChooseTheBestCheckpoint() throws {
    let scores = try [1, 3].map { ranks in
      let run = "\(folder.path)/run-\(ranks)", file = run + ".yaml"
      try TinyCohort.runFile(data: shared + "/data", output: run).write(toFile: file, atomically: true, encoding: .utf8)
      let more = ["steps=4", "validation.cases=[]", "validation.every=2", "validation.estimated=4", "checkpoint.every=0"]
      let (status, output) = try mpirun(ranks, ["train", file] + more, timeout: 120, executable: "cohort")
      try #require(status == 0, "\(output)")
      #expect(output.contains("Estimated Dice on the unlabelled volumes"), "\(output)")
      #expect(FileManager.default.fileExists(atPath: run + "/checkpoints/BEST"))
      return output.split(separator: "\n").filter { $0.contains(": estimated Dice ") && $0.hasSuffix(" on 4 unlabelled volumes") }
    }
    #expect(scores[0].count == 2 && scores[0] == scores[1], "\(scores)")
  }

  @Test func estimatesAreNoHeldOutCases() throws {
    let file = folder.path + "/run.yaml"
    try TinyCohort.runFile(data: shared + "/data", output: folder.path + "/run").write(
      toFile: file, atomically: true, encoding: .utf8)
    let (status, output) = try runAlone(
      ["train", file, "validation.estimated=4", "validation.cases=[case-a]"], executable: "cohort")
    #expect(status == 3 && output.contains("validation.estimated is for runs that hold out no case"), "\(output)")
  }

  @Test func volumesThatAreGone() throws {
    try TinyCohort.write(to: folder.path + "/data")
    let file = folder.path + "/moved.yaml"
    try TinyCohort.runFile(data: folder.path + "/data", output: folder.path + "/moved", method: "supervised")
      .write(toFile: file, atomically: true, encoding: .utf8)
    let (trained, text) = try runAlone(["train", file, "steps=1", "lanes=1", "checkpoint.every=0"], executable: "cohort")
    try #require(trained == 0, "\(text)")
    try FileManager.default.removeItem(atPath: folder.path + "/data")
    let (status, output) = try predict(1, to: folder.path + "/out", run: folder.path + "/moved")
    #expect(status == 3)
    #expect(output.contains("--quality needs the volumes that \(folder.path)/moved/checkpoints/"), "\(output)")
    #expect(!FileManager.default.fileExists(atPath: folder.path + "/out"), "nothing is written")
  }

  @Test func anotherTable() throws {
    let path = folder.path + "/other.csv"
    try "a,b\n1,2\n".write(toFile: path, atomically: true, encoding: .utf8)
    let (status, output) = try runAlone(
      ["evaluate", "--predictions", shared + "/labels", "--references", shared + "/labels", "--quality", path],
      executable: "cohort")
    #expect(status == 3 && output.contains("other.csv is no table of estimates"), "\(output)")
  }
}
