// The same run on 1, 2 and 3 ranks, and interrupted: the same losses at every step, the same scores, the same weights.

import Foundation
import TestSupport
import Testing
import Weights

@Suite(.serialized) struct RankCountTests {
  /// The numbers of every line of metrics.jsonl but the times, by kind and step.
  func metrics(_ folder: String) throws -> [String: [String: Double]] {
    var lines: [String: [String: Double]] = [:]
    for line in try String(contentsOfFile: folder + "/metrics.jsonl", encoding: .utf8).split(separator: "\n") {
      let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      let kind = try #require(object["kind"] as? String), step = try #require(object["step"] as? Int)
      #expect(lines["\(kind) \(step)"] == nil, "each step is logged once")
      lines["\(kind) \(step)"] = reproducible(object)
    }
    return lines
  }

  func weights(_ run: String, in folder: String) throws -> [Float] {
    let path = "\(folder)/\(run).safetensors"
    let (status, output) = try runAlone(["checkpoint", "export", "\(folder)/\(run)", "--output", path], executable: "cohort")
    try #require(status == 0, "\(output)")
    return try Safetensors.read(path).sorted { $0.key < $1.key }.flatMap(\.value.values)
  }

  func train(_ ranks: Int, _ run: String, in folder: String, _ overrides: [String] = []) throws -> String {
    let file = "\(folder)/\(run).yaml"
    try TinyCohort.runFile(data: folder + "/packs", output: "\(folder)/\(run)").write(
      toFile: file, atomically: true, encoding: .utf8)
    let (status, output) = try mpirun(ranks, ["train", file] + overrides, timeout: 120, executable: "cohort")
    try #require(status == 0, "\(output)")
    return output
  }

  /// V-Net carries running statistics beside its weights; the export holds both.
  @Test(arguments: ["unet3d", "vnet"]) func lossesScoresAndWeightsDoNotDependOnTheRanks(network: String) throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder + "/packs")
      for ranks in 1...3 { _ = try train(ranks, "run\(ranks)", in: folder, ["network.name=\(network)"]) }
      let one = try metrics(folder + "/run1")
      #expect(
        one.keys.filter { $0.hasPrefix("step") }.count == 50 && one["trainingFit 25"] != nil && one["trainingFit 50"] != nil)
      #expect(one["step 50"]!["dice"]! < one["step 1"]!["dice"]!, "the run learns something")
      for ranks in 2...3 {
        #expect(try metrics(folder + "/run\(ranks)") == one, "\(ranks) ranks: all numbers equal to the last bit")
        #expect(try weights("run\(ranks)", in: folder) == weights("run1", in: folder))
      }
    }
  }

  @Test func leanMemoryGivesTheSameBits() throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder + "/packs")
      for memory in ["standard", "lean"] { _ = try train(1, memory, in: folder, ["network.name=vnet", "memory=\(memory)"]) }
      #expect(try metrics(folder + "/lean") == metrics(folder + "/standard"))
      #expect(try weights("lean", in: folder) == weights("standard", in: folder))
    }
  }

  @Test func theFastAverageAgreesClosely() throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder + "/packs")
      for ranks in [1, 3] { _ = try train(ranks, "run\(ranks)", in: folder, ["reduction=fast"]) }
      let one = try metrics(folder + "/run1"), three = try metrics(folder + "/run3")
      for step in 1...50 { #expect(abs(one["step \(step)"]!["loss"]! - three["step \(step)"]!["loss"]!) < 1e-5, "step \(step)") }
    }
  }

  @Test func aKilledRunGoesOnAsIfNothingHadHappened() throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder + "/packs")
      let vnet = ["network.name=vnet"]
      _ = try train(2, "whole", in: folder, vnet)
      try killedAfterStep(23, "killed", in: folder, vnet)
      #expect(try train(3, "killed", in: folder, vnet).contains("continuing"), "resumed on another number of ranks")
      #expect(try metrics(folder + "/killed") == metrics(folder + "/whole"))
      #expect(try weights("killed", in: folder) == weights("whole", in: folder))
      let again = try train(1, "killed", in: folder, vnet)
      #expect(again.contains("checkpoint"), "a finished run says what it reached and trains no further")
      #expect(try metrics(folder + "/killed") == metrics(folder + "/whole"))
    }
  }

  /// Starts a run and kills it without warning once the log shows the step.
  func killedAfterStep(_ step: Int, _ run: String, in folder: String, _ overrides: [String]) throws {
    let file = "\(folder)/\(run).yaml"
    try TinyCohort.runFile(data: folder + "/packs", output: "\(folder)/\(run)").write(
      toFile: file, atomically: true, encoding: .utf8)
    let process = try startAlone(["train", file] + overrides, executable: "cohort")
    let deadline = Date().addingTimeInterval(60)
    while Date() < deadline {
      let log = (try? String(contentsOfFile: "\(folder)/\(run)/metrics.jsonl", encoding: .utf8)) ?? ""
      if log.contains("\"step\":\(step)") { break }
      usleep(2000)
    }
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    #expect(process.terminationReason == .uncaughtSignal, "it was killed in the middle")
  }
}
