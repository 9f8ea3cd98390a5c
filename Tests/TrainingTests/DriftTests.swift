// A rank whose weights are no longer those of the others is noticed and named; STOP and SAVE files are obeyed.

import Foundation
import TestSupport
import Testing

@Suite(.serialized) struct DriftTests {
  func start(
    _ ranks: Int, in folder: String, _ overrides: [String], environment: [String: String] = [:]
  ) throws -> (status: Int32, output: String) {
    try TinyCohort.write(to: folder + "/packs")
    let file = folder + "/run.yaml"
    try TinyCohort.runFile(data: folder + "/packs", output: folder + "/run", method: "supervised").write(
      toFile: file, atomically: true, encoding: .utf8)
    return try mpirun(
      ranks, ["train", file, "network.base=1", "validation.every=0"] + overrides, timeout: 120, environment: environment,
      executable: "cohort")
  }

  @Test func oneFlippedBitNamesTheRank() throws {
    try withTemporaryFolder { folder in
      let (status, output) = try start(
        3, in: folder, ["replicaCheck.every=10", "checkpoint.every=0"], environment: ["COHORT_FAULT": "flip:rank=1,step=13"])
      #expect(status == 78 && output.contains("rank 1 on ") && output.contains("after step 20 "), "\(output)")
      #expect(!output.contains("rank 0 on") && !output.contains("rank 2 on"))
    }
  }

  /// No checkpoint is put together from ranks that disagree.
  @Test func aDriftedStateIsNotSaved() throws {
    try withTemporaryFolder { folder in
      let (status, output) = try start(
        3, in: folder, ["checkpoint.every=5"], environment: ["COHORT_FAULT": "flip:rank=2,step=7"])
      #expect(status == 78 && output.contains("after step 10 ") && output.contains("on rank 2 on "), "\(output)")
      let saved = try FileManager.default.contentsOfDirectory(atPath: folder + "/run/checkpoints")
      #expect(saved.contains("step-00000005") && !saved.contains("step-00000010"))
    }
  }

  @Test func withTwoRanksBothAreNamed() throws {
    try withTemporaryFolder { folder in
      let (status, output) = try start(
        2, in: folder, ["replicaCheck.every=5"], environment: ["COHORT_FAULT": "flip:rank=1,step=13"])
      #expect(status == 78 && output.contains("rank 0 on ") && output.contains(" and rank 1 on "), "\(output)")
    }
  }

  @Test func anUnreadableFaultIsRefused() throws {
    try withTemporaryFolder { folder in
      let (status, output) = try start(1, in: folder, [], environment: ["COHORT_FAULT": "flip"])
      #expect(status == 3 && output.contains("KIND:rank=R,step=S"), "\(output)")
    }
  }

  @Test func filesInTheRunFolderStopTheRun() throws {
    try withTemporaryFolder { folder in
      try FileManager.default.createDirectory(atPath: folder + "/run", withIntermediateDirectories: true)
      for name in ["STOP", "SAVE"] { try Data().write(to: URL(fileURLWithPath: "\(folder)/run/\(name)")) }
      let first = try start(2, in: folder, ["checkpoint.every=0"])
      #expect(first.status == 75 && first.output.contains("stopped at step 1 "), "\(first.output)")
      #expect(!FileManager.default.fileExists(atPath: folder + "/run/STOP"), "a request counts once")
      let second = try start(1, in: folder, ["checkpoint.every=0"])
      #expect(second.status == 0 && second.output.contains("after step 1 "), "\(second.output)")
    }
  }
}
