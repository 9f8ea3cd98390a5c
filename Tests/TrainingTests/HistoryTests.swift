// What is known of a run stays known: damaged metrics are set aside and what can be read of them is kept, and a run goes on on the data that it began
// with, or says what has changed.

import Foundation
import TestSupport
import Testing
import Training
import Volumes

@Suite(.serialized, .sharedFolder { try TinyCohort.write(to: $0 + "/packs") }) struct HistoryTests {
  let folder = TemporaryFolder()
  var run: String { folder.path + "/run" }
  var metrics: String { run + "/metrics.jsonl" }

  /// Twelve steps of which each second is saved, killed at the beginning of one if `killedAt` is given.
  func train(data: String = SharedFolder.path + "/packs", killedAt step: Int? = nil, _ more: [String] = []) throws -> (
    status: Int32, output: String
  ) {
    let file = folder.path + "/run.yaml"
    try TinyCohort.runFile(data: data, output: run, method: "mean-teacher").write(
      toFile: file, atomically: false, encoding: .utf8)
    return try runAlone(
      ["train", file, "steps=12", "lanes=1", "validation.every=0", "checkpoint.every=2"] + more, timeout: 120,
      environment: step.map { ["COHORT_FAULT": "kill:rank=0,step=\($0)"] } ?? [:], executable: "cohort")
  }

  /// The steps in metrics.jsonl.
  func steps() throws -> [Double] { try MetricsFile(run: run).steps.compactMap { $0["step"] } }

  @Test func oneDamagedByteCostsOneLine() throws {
    #expect(try train(killedAt: 8).status != 0)
    #expect(try steps() == (1...7).map(Double.init))
    var bytes = try Data(contentsOf: URL(fileURLWithPath: metrics))
    let third = try #require(bytes.range(of: Data("\"step\":3".utf8)))
    bytes[third.lowerBound] = 0xFF
    // And half a line at the end, as an interruption leaves it.
    bytes += Data("{\"kind\":\"st".utf8)
    try bytes.write(to: URL(fileURLWithPath: metrics))
    #expect(try steps() == [1, 2, 4, 5, 6, 7])
    #expect(try MetricsFile(run: run).warning?.contains("1 line ") == true)
    let report = try runAlone(["report", "run", run], executable: "cohort")
    #expect(
      report.status == 0 && report.output.contains("warning: \(metrics) has 1 line that cannot be read"), "\(report.output)")

    let (status, output) = try train()
    #expect(status == 0 && output.contains("warning: \(metrics) has 1 line that cannot be read. It is kept as"), "\(output)")
    #expect(try steps() == [1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12])
    #expect(try Data(contentsOf: URL(fileURLWithPath: metrics + ".unreadable-1")) == bytes)
    #expect(try MetricsFile(run: run).warning == nil)
  }

  @Test func whatCannotBeReadAtAllIsSetAside() throws {
    #expect(try train(killedAt: 8).status != 0)
    try FileManager.default.removeItem(atPath: metrics)
    try FileManager.default.createDirectory(atPath: metrics, withIntermediateDirectories: false)
    let (status, output) = try train()
    #expect(status == 0 && output.contains("It is kept as \(metrics).unreadable-1"), "\(output)")
    #expect(try steps() == (7...12).map(Double.init))
    #expect(FileManager.default.fileExists(atPath: metrics + ".unreadable-1"))
  }

  /// A case less, a case more, another name, another image, another label.
  func writeChangedPacks(to packs: String) throws {
    let writer = try PackWriter(
      folder: packs, preparation: #"{"normalization":"wholeCrop","spacing":{"depth":1,"height":1,"width":1},"version":1}"#,
      labels: LabelMeaning(classNames: ["background", "bright", "dim"]), channelNames: ["MR"])
    for identifier in TinyCohort.labelled {
      var volume = TinyCohort.phantom(identifier, .labelled)
      if identifier == "case-a" { volume.label?[0] = 1 }
      try TinyCohort.add(volume, to: writer)
    }
    for identifier in TinyCohort.unlabelled + ["scan-9"] where identifier != "scan-2" {
      var volume = TinyCohort.phantom(identifier, .unlabelled)
      if identifier == "scan-1" { volume.image[0] += 1 }
      if identifier == "scan-3" { volume.identifier = "scan-30" }
      try TinyCohort.add(volume, to: writer)
    }
    for identifier in TinyCohort.test.dropLast() { try TinyCohort.add(TinyCohort.phantom(identifier, .test), to: writer) }
    _ = try writer.finish()
  }

  @Test func aRunGoesOnOnTheDataThatItBeganWith() throws {
    #expect(try train(killedAt: 5).status != 0)
    let packs = folder.path + "/packs"
    try writeChangedPacks(to: packs)
    let refused = try train(data: packs)
    #expect(refused.status == 3, "\(refused.output)")
    let changes = "case-a has another label, scan-1 has another image, scan-2 is gone, scan-3 is called scan-30, scan-9 is new."
    #expect(refused.output.contains(changes) && refused.output.contains("--accept-changed-data"), "\(refused.output)")

    let accepted = try train(data: packs, killedAt: 9, ["--accept-changed-data"])
    #expect(accepted.output.contains("the run goes on with the new data"), "\(accepted.output)")
    let former = try train()
    #expect(former.status == 3 && former.output.contains("scan-2 is new"), "the new data count now: \(former.output)")
    #expect(try train(data: packs).status == 0)
  }

  @Test func checkpointsOfEarlierVersionsGoOn() throws {
    let file = TinyCohort.runFile(data: SharedFolder.path + "/packs", output: run, method: "mean-teacher")
    let work = try Run(RunConfiguration(yaml: file, source: "run.yaml"), rank: 0, ranks: 1).methodWork
    let metadata = work.metadata
    #expect(try work.dataChanges(since: metadata) == [])
    #expect(metadata["data"]?.split(separator: "\n").count == 9)
    #expect(try work.dataChanges(since: metadata.filter { $0.key != "data" }) == [])
  }
}
