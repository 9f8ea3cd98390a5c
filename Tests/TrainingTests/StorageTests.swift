// Runs on disks that fail: training goes on with warnings, older checkpoints are untouched, and the exit code shows whether the end
// was saved.

import Foundation
import TestSupport
import Testing

@Suite(.serialized) struct StorageTests {
  /// Eight steps on 2 ranks, saved at every second.
  func train(in folder: String, _ overrides: [String] = [], error: String? = nil) throws -> (status: Int32, output: String) {
    if !FileManager.default.fileExists(atPath: folder + "/packs") { try TinyCohort.write(to: folder + "/packs") }
    let file = "\(folder)/run.yaml"
    try TinyCohort.runFile(data: folder + "/packs", output: folder + "/run", method: "supervised").write(
      toFile: file, atomically: true, encoding: .utf8)
    return try mpirun(
      2, ["train", file, "steps=8", "lanes=2", "validation.every=0", "checkpoint.every=2"] + overrides, timeout: 120,
      environment: error.map { ["COHORT_CHECKPOINT_ERROR": $0] } ?? [:], executable: "cohort")
  }

  func steps(_ folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder + "/run/checkpoints").filter { $0.hasPrefix("step-") }.sorted()
  }

  @Test func savesThatFailAreWarnings() throws {
    try withTemporaryFolder { folder in
      let (status, output) = try train(in: folder, error: "synchronize:3")
      #expect(status == 0, "\(output)")
      for step in [2, 4, 6] { #expect(output.contains("warning: no checkpoint at step \(step): Input/output error")) }
      #expect(
        output.components(separatedBy: "THREE CHECKPOINTS IN A ROW").count == 2
          && output.contains("3 checkpoints could not be saved"))
      #expect(try steps(folder) == ["step-00000008"])
    }
  }

  @Test func anEndThatIsNotSavedIsAFailure() throws {
    try withTemporaryFolder { folder in
      #expect(try train(in: folder).status == 0)
      try FileManager.default.removeItem(atPath: folder + "/run/checkpoints/step-00000008")
      let again = try train(in: folder, error: "slab")
      #expect(again.status == 79 && again.output.contains("the last checkpoint could not be saved"), "\(again.output)")
      #expect(try steps(folder) == ["step-00000002", "step-00000004", "step-00000006"], "what was there before is untouched")
    }
  }

  /// A disk of 128 KiB: there is never room for a checkpoint.
  @Test(.enabled(if: canMount, "no disk can be mounted here")) func aFullDiskIsNoReasonToStop() throws {
    try withTemporaryFolder { folder in
      let disk = folder + "/run"
      try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
      try #require(mountSmallDisk(disk))
      defer { umount2(disk, Int32(MNT_DETACH)) }
      let (status, output) = try train(in: folder)
      #expect(status == 79 && output.contains("KiB free where a checkpoint needs"), "\(output)")
      #expect(output.contains("step 8/8"), "it trained to the end: \(output)")
    }
  }
}

private func mountSmallDisk(_ path: String) -> Bool { mount("tmpfs", path, "tmpfs", 0, "size=128k") == 0 }

/// False without root, and in sandboxes that forbid it to root, too.
private let canMount = withTemporaryFolder { mountSmallDisk($0) && umount2($0, Int32(MNT_DETACH)) == 0 }
