// Checkpoints: any number of ranks to any other, every flipped byte noticed, fall back to an older one, nothing left after a failure.

import Cluster
import Files
import Foundation
import MPI
import TestSupport
import Testing

@Suite struct CheckpointTests {
  private let folder = TemporaryFolder()

  private func state(_ step: Int, count: Int = 3000) -> CheckpointState {
    CheckpointState(
      step: step, vectors: [("student", (0..<count).map { Float($0 + step) }), ("teacher", [Float(step), -1])],
      index: [CheckpointTensor(name: "w", vector: "student", shape: [count], offset: 0, count: count)],
      metadata: ["seed": "7", "run": "lanes: 4\n"])
  }

  private func store(keep: Int = 3) -> CheckpointStore { CheckpointStore(folder: folder.path, keep: keep) }

  private func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() }

  private func flip(_ path: String, at position: Int, mask: UInt8) throws -> Data {
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    var damaged = whole
    damaged[position % whole.count] ^= mask
    try damaged.write(to: URL(fileURLWithPath: path))
    return whole
  }

  @Test(arguments: [(3, 1), (3, 2), (1, 4), (2, 3)])
  func savedOnSomeRanksLoadsOnOthers(writers: Int, readers: Int) throws {
    let saved = try mpirun(writers, ["checkpoint-save", folder.path, "12", "700001", "parallel"])
    #expect(saved.status == 0, "\(saved.output)")
    let loaded = try mpirun(readers, ["checkpoint-load", folder.path, "12", "700001"])
    #expect(loaded.status == 0, "\(loaded.output)")
    #expect(try CheckpointStore.verify(path: folder.path).step == 12)
    #expect(try CheckpointStore.inspect(path: folder.path).writerRanks == writers)
  }

  /// A rank whose host does not see the checkpoint gets it from rank 0.
  @Test func rankZeroSharesACheckpointThatAHostDoesNotSee() throws {
    #expect(try mpirun(1, ["checkpoint-save", folder.path + "/seen", "12", "700001", "gather"]).status == 0)
    let loaded = try mpirun(3, ["checkpoint-load", folder.path + "/seen", "12", "700001", folder.path + "/unseen"])
    #expect(loaded.status == 0, "\(loaded.output)")
  }

  /// All ranks together and rank 0 alone write files in which the same numbers lie at the same places; only HDF5's times of writing differ.
  @Test func bothBackendsWriteTheSameFile() throws {
    var vectors: [NSArray] = [], sizes: [Int] = []
    for backend in ["parallel", "gather"] {
      let place = folder.path + "/" + backend
      let saved = try mpirun(3, ["checkpoint-save", place, "12", "700001", backend])
      #expect(saved.status == 0, "\(saved.output)")
      #expect(try CheckpointStore.inspect(path: place).writerRanks == (backend == "gather" ? 1 : 3))
      sizes.append(try CheckpointStore.verify(path: place).bytes)
      let manifest = try Data(contentsOf: URL(fileURLWithPath: place + "/step-00000012/manifest.json"))
      let content = (try JSONSerialization.jsonObject(with: manifest) as? [String: Any])?["content"] as? [String: Any]
      vectors.append(try #require(content?["vectors"] as? NSArray))
    }
    let isSame = vectors[0] == vectors[1]
    #expect(isSame && sizes[0] == sizes[1], "names, places and checksums of all blocks")
    let loaded = try ["parallel", "gather"].map { try CheckpointStore.load(path: folder.path + "/" + $0).vectors.map(\.values) }
    let isEqual = loaded[0] == loaded[1]
    #expect(isEqual)
  }

  @Test func anEmptyFolderHasNoCheckpoint() throws {
    #expect(try store().loadLatest(over: .alone)?.step == nil)
    let run = try mpirun(2, ["checkpoint-load", folder.path, "-1", "0"])
    #expect(run.status == 0, "\(run.output)")
  }

  @Test func loadingRestoresTheWholeState() throws {
    let record = try store().save(state(40), over: .alone)
    #expect(record.path == folder.path + "/step-00000040")
    for path in [record.path, folder.path] {
      let loaded = try CheckpointStore.load(path: path)
      #expect(loaded["student"] == state(40)["student"] && loaded["teacher"] == [40, -1])
      #expect(loaded.metadata == state(40).metadata && loaded.index == state(40).index)
      #expect(loaded.vectors.map(\.name) == ["student", "teacher"])
    }
    let summary = try CheckpointStore.inspect(path: record.path)
    #expect(summary.vectors == ["student": 3000, "teacher": 2] && summary.record == record)
  }

  @Test func pathsOfRunsAndCheckpointsAreFound() throws {
    let run = folder.path + "/run"
    _ = try CheckpointStore(folder: run + "/checkpoints").save(state(3), over: .alone)
    #expect(try CheckpointStore.load(path: run).step == 3)
    let error = #expect(throws: ClusterError.self) { try CheckpointStore.load(path: "/nowhere") }
    #expect(error?.description.contains("is not a checkpoint") == true)
  }

  @Test func everyFlippedByteIsNoticed() throws {
    let record = try store().save(state(1), over: .alone)
    for file in ["state.h5", "manifest.json"] {
      let path = record.path + "/" + file
      let size = try Data(contentsOf: URL(fileURLWithPath: path)).count
      for trial in 0..<200 {
        let whole = try flip(path, at: trial * size / 200 + trial % 3, mask: UInt8(1 << (trial % 8)))
        #expect(throws: ClusterError.self, "\(file), trial \(trial)") { try CheckpointStore.verify(path: record.path) }
        #expect(throws: ClusterError.self, "\(file), trial \(trial)") { try CheckpointStore.load(path: record.path) }
        try whole.write(to: URL(fileURLWithPath: path))
      }
    }
    _ = try CheckpointStore.verify(path: record.path)
  }

  @Test func damageNamesTheBlock() throws {
    let record = try store().save(state(1, count: 600_000), over: .alone)
    // 1 MiB of layout, then the student: 1.5 MiB further is in its second block.
    _ = try flip(record.path + "/state.h5", at: 5 << 19, mask: 4)
    let error = #expect(throws: ClusterError.self) { try CheckpointStore.verify(path: record.path) }
    #expect(error?.description.contains("block 2 of 3 of student") == true, "\(String(describing: error))")
  }

  @Test func truncationAndMissingPartsAreNoticed() throws {
    let record = try store().save(state(1), over: .alone)
    let path = record.path + "/state.h5"
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    for parts in 0..<5 {
      try whole.prefix(whole.count * parts / 5).write(to: URL(fileURLWithPath: path))
      #expect(throws: ClusterError.self) { try CheckpointStore.load(path: record.path) }
    }
    try FileManager.default.removeItem(atPath: path)
    #expect(throws: ClusterError.self) { try CheckpointStore.load(path: record.path) }
  }

  @Test func damagedCheckpointsAreSetAsideForOlderOnes() throws {
    for step in 1...3 { _ = try store().save(state(step), over: .alone) }
    _ = try flip(folder.path + "/step-00000003/state.h5", at: 5000, mask: 1)
    _ = try flip(folder.path + "/step-00000002/manifest.json", at: 100, mask: 1)
    var reports: [String] = []
    let loaded = try store().loadLatest(over: .alone, report: { reports.append($0) })
    #expect(loaded?.step == 1)
    #expect(reports.count == 2)
    #expect(try names() == ["LATEST", "quarantine-step-00000002", "quarantine-step-00000003", "step-00000001"])
    _ = try flip(folder.path + "/step-00000001/state.h5", at: 5000, mask: 1)
    #expect(throws: ClusterError.self) { try store().loadLatest(over: .alone, report: { _ in }) }
  }

  @Test func leftoversOfDeadJobsAreIgnoredAndRemoved() throws {
    _ = try store().save(state(1), over: .alone)
    for name in [".tmp-step-00000009", ".trash-step-00000000"] {
      try FileManager.default.createDirectory(atPath: folder.path + "/" + name, withIntermediateDirectories: true)
    }
    try FileManager.default.createDirectory(atPath: folder.path + "/step-notes", withIntermediateDirectories: true)
    #expect(store().list().map(\.step) == [1])
    #expect(try store().loadLatest(over: .alone)?.step == 1)
    #expect(try names() == ["LATEST", "step-00000001", "step-notes"])
  }

  /// Killed at any named moment of its fourth save, a job leaves its third checkpoint or its fourth, whole. `Tests/checks/checkpoint-kills.sh` goes
  /// on to random times.
  @Test(arguments: CheckpointPoint.allCases) func aKilledJobLosesNothing(point: CheckpointPoint) throws {
    let place = folder.path + "/run"
    // Every third step is saved twice, so the fourth save replaces one; a piece of each of three vectors is written in each save.
    let times =
      switch point {
      case .slab: 11
      case .replaced: 1
      case .retention: 2
      default: 4
      }
    let killed = try mpirun(
      2, ["checkpoint-kill", place, "300000", "parallel"], environment: ["COHORT_CHECKPOINT_KILL": "\(point.rawValue):\(times)"])
    #expect(killed.status == 128 + SIGKILL, "\(killed.output)")
    let checked = try runAlone(["checkpoint-check", place, "300000"])
    #expect(checked.status == 0, "\(checked.output)")
    #expect(try String(contentsOfFile: place + ".committed", encoding: .utf8) == "3")
    let left = try FileManager.default.contentsOfDirectory(atPath: place)
    #expect(left.allSatisfy { $0 == "LATEST" || $0.hasPrefix("step-") }, "\(left)")
  }

  /// An I/O error at any moment is every rank's error, and costs nothing but this save.
  @Test(arguments: CheckpointPoint.allCases.filter { $0 != .replaced && $0 != .retention }) func anErrorAtAnyMomentIsShared(
    point: CheckpointPoint
  ) throws {
    let place = folder.path + "/run"
    _ = try CheckpointStore(folder: place, keep: 1).save(state(0), over: .alone)
    let run = try mpirun(
      2, ["checkpoint-unwritable", place, "Input/output error at \(point.rawValue)", "parallel"],
      environment: ["COHORT_CHECKPOINT_ERROR": point.rawValue])
    #expect(run.status == 0, "\(run.output)")
    let isCommitted = point == .commit || point == .latest
    #expect(
      try CheckpointStore(folder: place).loadLatest(over: .alone, report: { Issue.record("\($0)") })?.step
        == (isCommitted ? 1 : 0))
  }

  @Test func theNewestAndTheBestAreKept() throws {
    _ = try store(keep: 2).save(state(1), over: .alone)
    try store().markBest(step: 1)
    for step in 2...5 { _ = try store(keep: 2).save(state(step), over: .alone) }
    #expect(store().list().map(\.step) == [1, 4, 5])
    #expect(store().best?.step == 1)
    #expect(throws: ClusterError.self) { try store().markBest(step: 2) }
  }

  @Test func savingAStepAgainReplacesIt() throws {
    _ = try store().save(state(5), over: .alone)
    _ = try store().save(state(5, count: 10), over: .alone)
    #expect(try CheckpointStore.load(path: folder.path)["student"]?.count == 10)
    #expect(try names() == ["LATEST", "step-00000005"])
  }

  @Test func valuesThatAreNotFiniteAreNotSaved() throws {
    _ = try store().save(state(1), over: .alone)
    var bad = state(2)
    bad.vectors[0].values[2999] = .nan
    let error = #expect(throws: ClusterError.self) { try store().save(bad, over: .alone) }
    #expect(error?.description.contains("student") == true)
    #expect(try names() == ["LATEST", "step-00000001"])
  }

  @Test(arguments: 1...3)
  func failureToWriteIsEveryRanksError(ranks: Int) throws {
    let file = folder.path + "/file"
    try Data([1]).write(to: URL(fileURLWithPath: file))
    let run = try mpirun(ranks, ["checkpoint-unwritable", file + "/checkpoints", "Cannot make the folder", "parallel"])
    #expect(run.status == 0, "\(run.output)")
    #expect(try names() == ["file"])
  }

  @Test func newerFormatsAreLeftAlone() throws {
    let record = try store().save(state(1), over: .alone)
    let path = record.path + "/manifest.json"
    let text = try String(contentsOfFile: path, encoding: .utf8).replacingOccurrences(of: "checkpoint/2", with: "checkpoint/3")
    // The checksum of a file is taken with zeros in place of its own eight digits.
    let digits = try #require(text.range(of: "crc32:")).upperBound
    let blank = text.replacingCharacters(in: digits..<text.index(digits, offsetBy: 8), with: "00000000")
    let sum = hexadecimal(checksum(of: Array(blank.utf8)))
    try Data(text.replacingCharacters(in: digits..<text.index(digits, offsetBy: 8), with: sum).utf8).write(
      to: URL(fileURLWithPath: path))
    let error = #expect(throws: ClusterError.self) { try store().loadLatest(over: .alone) }
    #expect(error?.description.contains("cohort-checkpoint/3") == true)
    #expect(FileManager.default.fileExists(atPath: record.path))
  }
}
