// The same run on any number of ranks, killed and continued or not, with standard or lean memory: the same losses at every step, the
// same scores, the same weights.

import Foundation
import TestSupport
import Testing
import Training
import Weights

@Suite(.serialized) struct RankCountTests {
  /// The numbers of every line of metrics.jsonl but the times, by kind and step.
  func metrics(_ run: String) throws -> [String: [String: Double]] {
    var lines: [String: [String: Double]] = [:]
    for line in try MetricsFile(run: run).lines {
      let key = "\(line.kind) \(Int(try #require(line.numbers["step"])))"
      #expect(lines[key] == nil, "each step is logged once")
      lines[key] = reproducible(line.numbers)
    }
    return lines
  }

  func weights(_ run: String, in folder: String) throws -> [Float] {
    let path = "\(folder)/\(run).safetensors"
    let (status, output) = try runAlone(["checkpoint", "export", "\(folder)/\(run)", "--output", path], executable: "cohort")
    try #require(status == 0, "\(output)")
    return try Safetensors.read(path).sorted { $0.key < $1.key }.flatMap(\.value.values)
  }

  /// The words that train a run of V-Net, which carries running statistics beside its weights; the export holds both.
  func command(_ run: String, in folder: String, _ overrides: [String] = []) throws -> [String] {
    let file = "\(folder)/\(run).yaml"
    try TinyCohort.runFile(data: folder + "/packs", output: "\(folder)/\(run)").write(
      toFile: file, atomically: true, encoding: .utf8)
    return ["train", file, "network.name=vnet"] + overrides
  }

  func train(_ ranks: Int, _ command: [String]) throws -> String {
    let (status, output) = try mpirun(ranks, command, timeout: 120, executable: "cohort")
    try #require(status == 0, "\(output)")
    return output
  }

  /// Two ranks with lean memory, against one rank that is killed and goes on as three.
  @Test func aKilledRunEndsInTheSameBytes() throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder + "/packs")
      _ = try train(2, command("whole", in: folder, ["memory=lean"]))
      let whole = try metrics(folder + "/whole")
      #expect(whole.keys.count { $0.hasPrefix("step") } == 50 && whole["trainingFit 25"] != nil && whole["trainingFit 50"] != nil)
      #expect(whole["step 50"]!["dice"]! < whole["step 1"]!["dice"]!, "the run learns something")

      let killed = try command("killed", in: folder)
      try runUntilKilled(killed, run: folder + "/killed", afterStep: 23)
      #expect(try train(3, killed).contains("continuing"), "resumed on another number of ranks")
      #expect(try metrics(folder + "/killed") == whole, "all numbers equal to the last bit")
      let isSame = try weights("killed", in: folder) == weights("whole", in: folder)
      #expect(isSame)
      #expect(try train(1, killed).contains("checkpoint"), "a finished run prints what it reached and trains no further")
      #expect(try metrics(folder + "/killed") == whole)
    }
  }
}
