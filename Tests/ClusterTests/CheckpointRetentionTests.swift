// When checkpoints are due, which are kept, and reading those of the first format.

import Cluster
import Files
import Foundation
import TestSupport
import Testing

@Suite struct CheckpointRetentionTests {
  private let folder = TemporaryFolder()

  private func state(_ step: Int) -> CheckpointState {
    CheckpointState(step: step, vectors: [("student", (0..<300_000).map { Float($0 + step) })])
  }

  private func save(_ steps: [Int], keep: Int = 2, keepEvery: Int = 0) throws {
    for step in steps {
      _ = try CheckpointStore(folder: folder.path, keep: keep, keepEvery: keepEvery).save(state(step), over: .alone)
    }
  }

  private var steps: [Int] { CheckpointStore(folder: folder.path).list().map(\.step) }

  private func cut(_ step: String) throws {
    let file = try FileHandle(forUpdating: URL(fileURLWithPath: "\(folder.path)/step-\(step)/state.h5"))
    try file.truncate(atOffset: 1000)
  }

  @Test func multiplesAreKeptForGood() throws {
    try save(Array(1...9), keepEvery: 4)
    #expect(steps == [4, 8, 9])
  }

  /// Damaged checkpoints that are newer than the one just saved neither count as kept nor push it out.
  @Test func theCheckpointJustVerifiedIsKept() throws {
    try save([1, 7, 8, 9], keep: 4)
    for step in ["00000007", "00000008", "00000009"] { try cut(step) }
    try save([2], keep: 1)
    #expect(steps == [2, 7, 8, 9], "the damaged ones are left for loading to set aside")
    #expect(try CheckpointStore(folder: folder.path).loadLatest(over: .alone, report: { _ in })?.step == 2)
  }

  /// Whole ones of later steps, left by a job that ran ahead, do not push out what was just saved either.
  @Test func anEarlierStepSavedLaterStays() throws {
    try save([7, 8], keep: 2)
    try save([2], keep: 1)
    #expect(steps == [2, 8])
  }

  /// A job that died between setting a step's checkpoint aside and naming its successor lost neither.
  @Test func checkpointsSetAsideAreUsedAgain() throws {
    try save([5])
    try FileManager.default.moveItem(atPath: folder.path + "/step-00000005", toPath: folder.path + "/.replaced-step-00000005")
    #expect(try CheckpointStore(folder: folder.path).loadLatest(over: .alone)?.step == 5)
    try FileManager.default.copyItem(atPath: folder.path + "/step-00000005", toPath: folder.path + "/.replaced-step-00000005")
    #expect(try CheckpointStore(folder: folder.path).loadLatest(over: .alone)?.step == 5)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["LATEST", "step-00000005"])
  }

  /// Format 1 differs in its checksums alone, which are CRC-32.
  @Test func theFirstFormatIsRead() throws {
    try save([3])
    let place = folder.path + "/step-00000003/"
    let state = try Data(contentsOf: URL(fileURLWithPath: place + "state.h5"))
    let json = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: place + "manifest.json")))
    var first = try JSONDecoder().decode(
      FirstManifest.self, from: JSONSerialization.data(withJSONObject: try #require((json as? [String: Any])?["content"])))
    first.format = "cohort-checkpoint/1"
    let offset = first.vectors[0].byteOffset, end = offset + 4 * first.vectors[0].count
    first.vectors[0].blocks = stride(from: offset, to: end, by: 1 << 20).map {
      UInt64(checksum(of: Array(state[$0..<min($0 + 1 << 20, end)])))
    }
    first.restChecksum = UInt64(checksum(of: Array(state[..<offset] + state[end...])))
    try writeDurably(try seal(first), to: place + "manifest.json")
    #expect(try CheckpointStore.load(path: place)["student"] == self.state(3)["student"])
    first.vectors[0].blocks[1] ^= 1
    try writeDurably(try seal(first), to: place + "manifest.json")
    #expect(throws: ClusterError.self) { try CheckpointStore.load(path: place) }
  }

  /// What a manifest of the first format holds.
  private struct FirstManifest: Codable {
    struct Vector: Codable {
      var name: String
      var count, byteOffset: Int
      var blocks: [UInt64]
    }
    var format: String
    var step: Int
    var created: String
    var writerRanks, blockBytes: Int
    var vectors: [Vector]
    var fileBytes: Int
    var restChecksum: UInt64
  }

  @Test func intervalsGoByStepsAndSeconds() {
    var interval = CheckpointInterval(steps: 10, seconds: 60, overhead: 0, now: 0)
    #expect(
      interval.isDue(afterStep: 10, now: 1) && !interval.isDue(afterStep: 11, now: 59.9) && interval.isDue(afterStep: 11, now: 60)
    )
    interval.recordSave(seconds: 5, now: 65)
    #expect(!interval.isDue(afterStep: 12, now: 124) && interval.isDue(afterStep: 12, now: 125))
    let never = CheckpointInterval(steps: 0, seconds: 0, overhead: 0, now: 0)
    #expect(!never.isDue(afterStep: 500, now: 1e9))
  }

  /// Saving takes 2 s and may take a tenth of the time: 18 s must pass.
  @Test func intervalsGrowWithTheCost() {
    var interval = CheckpointInterval(steps: 1, seconds: 0, overhead: 0.1, now: 0)
    #expect(interval.isDue(afterStep: 1, now: 1), "what saving costs is not known yet")
    interval.recordSave(seconds: 2, now: 3)
    #expect(!interval.isDue(afterStep: 2, now: 20.9) && interval.isDue(afterStep: 2, now: 21.1))
  }
}
