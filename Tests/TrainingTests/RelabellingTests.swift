// A run that labels the unlabelled volumes by its own network and begins anew: the same bytes on any number of ranks and when it is stopped after each
// stage; and stages that do not fit.

import Foundation
import TestSupport
import Testing
import Training
import Weights

@Suite(.serialized) struct RelabellingTests {
  private let folder = TemporaryFolder()
  private let stages = """
    stages:
      - {name: first, steps: 3, method: supervised}
      - {name: relabel, work: relabel, steps: 1}
      - {name: second, steps: 3, method: supervised, pseudoLabels: bank, start: fresh}

    """

  /// - Parameter names: the stages of this start; empty for all.
  private func train(_ run: String, ranks: Int, stages text: String, _ overrides: [String] = []) throws -> (
    status: Int32, output: String
  ) {
    let file = "\(folder.path)/\(run).yaml"
    let lines = TinyCohort.runFile(data: folder.path + "/data", output: "\(folder.path)/\(run)").split(separator: "\n")
    try (lines.filter { !$0.hasPrefix("steps:") && !$0.hasPrefix("method:") }.joined(separator: "\n") + "\n" + text)
      .write(toFile: file, atomically: true, encoding: .utf8)
    return try mpirun(
      ranks, ["train", file, "labelled=[case-a]", "checkpoint.every=1"] + overrides, timeout: 120, executable: "cohort")
  }

  private func weights(_ run: String) throws -> [Float] {
    let path = "\(folder.path)/\(run).safetensors"
    let (status, output) = try runAlone(
      ["checkpoint", "export", "\(folder.path)/\(run)", "--output", path], executable: "cohort")
    try #require(status == 0, "\(output)")
    return try Safetensors.read(path).sorted { $0.key < $1.key }.flatMap(\.value.values)
  }

  @Test func theSameBytesOnAnyRanksAndAfterStops() throws {
    try TinyCohort.write(to: folder.path + "/data")
    for ranks in [1, 3] {
      let (status, output) = try train("ranks-\(ranks)", ranks: ranks, stages: stages)
      try #require(status == 0, "\(output)")
      #expect(output.contains("labels with the network of the stage before"), "\(output)")
      #expect(output.contains("learns from the pseudo-labels of the stage before"))
    }
    let whole = try weights("ranks-1")
    #expect(try weights("ranks-3") == whole)
    // Again from the checkpoints of the first stage, of the labelling, and of the second one.
    for last in [3, 4, 5] {
      let run = "stopped-\(last)"
      try FileManager.default.copyItem(atPath: "\(folder.path)/ranks-1", toPath: "\(folder.path)/\(run)")
      let checkpoints = "\(folder.path)/\(run)/checkpoints"
      for name in try FileManager.default.contentsOfDirectory(atPath: checkpoints)
      where Int(name.suffix(8)).map({ $0 > last }) == true {
        try FileManager.default.removeItem(atPath: "\(checkpoints)/\(name)")
      }
      if last == 3 { try FileManager.default.removeItem(atPath: "\(folder.path)/\(run)/pseudo-labels") }
      let (status, output) = try train(run, ranks: 2, stages: stages)
      try #require(status == 0, "\(output)")
      #expect(try weights(run) == whole, "from step \(last)")
    }
  }

  @Test func stagesThatDoNotFit() throws {
    try TinyCohort.write(to: folder.path + "/data")
    let first = try train("first", ranks: 1, stages: "stages:\n  - {name: relabel, work: relabel, steps: 2}\n")
    #expect(first.status == 3 && first.output.contains("work: relabel takes one step"), "\(first.output)")
    let other = try train(
      "other", ranks: 1,
      stages:
        "stages:\n  - {name: a, steps: 1, method: supervised, network: {base: 1}}\n  - {name: b, work: relabel, steps: 1, network: {base: 2}}\n"
    )
    #expect(other.status == 3 && other.output.contains("trained another network than that of work: relabel"), "\(other.output)")
  }
}
