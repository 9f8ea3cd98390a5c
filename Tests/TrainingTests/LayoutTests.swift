// Two students in ranks of their own, which tell each other their labels: the bytes of a run in which every rank computes both, on any number of pairs,
// killed and continued in the other layout or not; half the memory; and what is said where there are no two.

import Cluster
import Foundation
import Kernels
import Preparation
import Tensors
import TestSupport
import Testing
import Training
import Volumes
import Weights

@Suite(.serialized) struct LayoutTests {
  private static let phases = ["T1", "T2"]
  private static let origins = Dictionary(
    uniqueKeysWithValues: (TinyCohort.labelled + TinyCohort.unlabelled).enumerated().map { number, identifier in
      (identifier, CaseOrigin(patient: identifier, vendor: "A", phase: phases[number % 2]))
    })
  private static let steps = 12

  /// Two students of one kind, the same with heads at all resolutions and a lane for each pair, and two kinds with running statistics.
  private static let kinds = [
    ["method=cps"],
    [
      "method=cps", "method.deepSupervision=true", "network.name=plainconvunet", "network.strides=2,2,2;2,2,2;2,2,2", "lanes=2",
    ],
    ["method=cross-teaching"],
  ]

  private func command(_ run: String, in folder: String, _ keys: [String]) throws -> [String] {
    let file = "\(folder)/\(run).yaml"
    try TinyCohort.runFile(data: folder + "/packs", output: "\(folder)/\(run)", method: "cps").write(
      toFile: file, atomically: true, encoding: .utf8)
    return [
      "train", file, "steps=\(Self.steps)", "network.base=1", "validation.every=0", "checkpoint.every=4", "watch.deadline=3",
    ]
      + keys
  }

  private func train(_ ranks: Int, _ command: [String], fault: String? = nil) throws -> (status: Int32, output: String) {
    let environment = fault.map { [Fault.variable: $0] } ?? [:]
    return ranks == 1
      ? try runAlone(command, timeout: 120, environment: environment, executable: "cohort")
      : try mpirun(ranks, command, timeout: 120, environment: environment, executable: "cohort")
  }

  private func export(_ run: String, in folder: String) throws -> Data {
    let path = "\(folder)/\(run).safetensors"
    let (status, output) = try runAlone(["checkpoint", "export", "\(folder)/\(run)", "--output", path], executable: "cohort")
    try #require(status == 0, "\(output)")
    return try Data(contentsOf: URL(fileURLWithPath: path))
  }

  /// Everything that is logged of each step but the times.
  private func metrics(_ run: String, in folder: String) throws -> [[String: Double]] {
    try MetricsFile(run: "\(folder)/\(run)").lines.map { reproducible($0.numbers) }
  }

  private func expectSame(_ run: String, as whole: String, in folder: String) throws {
    let (status, output) = try runAlone(["checkpoint-compare", "\(folder)/\(whole)", "\(folder)/\(run)"])
    #expect(status == 0 && output.contains("step \(Self.steps)") && output.contains("difference 0.0"), "\(output)")
    let same = try export(run, in: folder) == export(whole, in: folder)
    #expect(same, "the exports differ")
    #expect(try metrics(run, in: folder) == metrics(whole, in: folder))
  }

  @Test(arguments: kinds.indices) func pairsEndInTheSameBytes(kind: Int) throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder + "/packs", origins: Self.origins)
      let keys = Self.kinds[kind]
      for (run, ranks, layout) in [("whole", 1, "data"), ("pair", 2, "network"), ("pairs", 4, "network")] {
        let (status, output) = try train(ranks, command(run, in: folder, keys + ["layout=\(layout)"]))
        try #require(status == 0, "\(output)")
      }
      for run in ["pair", "pairs"] { try expectSame(run, as: "whole", in: folder) }
      let logged = try metrics("pairs", in: folder).reduce(into: Set<String>()) { $0.formUnion($1.keys) }
      #expect(logged.isSuperset(of: ["agreement.T1", "foreground.T2", "gradient.cross", "loss"]), "\(logged)")
    }
  }

  /// A rank of a pair dies, and another waits for ever: both end the run, which goes on in the other layout.
  @Test func aLostRankEndsItsPair() throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder + "/packs", origins: Self.origins)
      try #require(try train(1, command("whole", in: folder, [])).status == 0)
      let paired = try command("run", in: folder, ["layout=network"])
      let killed = try train(2, paired, fault: "kill:rank=1,step=6")
      #expect(killed.status != 0 && killed.output.contains("rank 1 of 2"), "\(killed.output)")
      let hanging = try train(4, paired, fault: "stall:rank=2,step=8")
      #expect(hanging.status == 77 && hanging.output.contains("rank 2 of 4"), "\(hanging.output)")
      #expect(hanging.output.contains("after step 4 of"), "\(hanging.output)")
      let (status, output) = try train(3, command("run", in: folder, ["layout=data"]))
      try #require(status == 0 && output.contains("continuing"), "\(output)")
      try expectSame("run", as: "whole", in: folder)
    }
  }

  @Test func aRunOfOneLayoutGoesOnInTheOther() throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder + "/packs", origins: Self.origins)
      try #require(try train(1, command("whole", in: folder, [])).status == 0)
      try runUntilKilled(command("run", in: folder, []), run: folder + "/run", afterStep: 6)
      #expect(try train(2, command("run", in: folder, ["layout=network"])).output.contains("continuing"))
      try expectSame("run", as: "whole", in: folder)
    }
  }

  @Test func aRankOfAPairNeedsHalfTheMemory() throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder)
      func bytes(_ layout: RankLayout) throws -> Int {
        let configuration = try RunConfiguration(
          yaml: TinyCohort.runFile(data: folder, output: folder + "/run", method: "cps"), source: "test",
          overrides: ["patch=[32, 48, 48]", "layout=\(layout)"])
        let work = try MethodWork(StagePlan(configuration, rank: 1, ranks: 2))
        let batch = try #require(try work.rehearsalBatch(at: Step(index: 49, total: 50, seed: 1)))
        return try rehearsedBytes(batch, .standard)
      }
      let share = Double(try bytes(.network)) / Double(try bytes(.data))
      #expect(share > 0.4 && share < 0.55, "\(share)")
    }
  }

  @Test func whereThereAreNoTwoStudentsItIsSaid() throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder + "/packs")
      func refused(_ ranks: Int, _ keys: [String], _ text: String) throws {
        let (status, output) = try train(ranks, command("run", in: folder, ["layout=network"] + keys))
        #expect(status == 3 && output.contains(text), "\(output)")
      }
      try refused(1, [], "of 1 ranks one would be left over: start an even number")
      try refused(3, [], "of 3 ranks one would be left over")
      try refused(4, ["lanes=1"], "Start at most 2 ranks")
      try refused(2, ["pseudoLabels=registration"], "teaches the first of two students alone: set layout: data")
      try refused(2, ["method=supervised"], "method supervised has no two: set layout: data there, or choose method:")
    }
  }
}
