// Volumes of several phases and vendors in a run: how often each is drawn, what each lane gets, what is logged of each, and that the number of ranks does not
// matter.

import Cluster
import Foundation
import TestSupport
import Testing
import Training
import Volumes

@Suite(.serialized) struct PhaseTests {
  private static let phases = ["T1", "T2", "GED4"]
  /// Of seven unlabelled scans five are of the first phase.
  private static let origins = Dictionary(
    uniqueKeysWithValues: (TinyCohort.labelled + TinyCohort.unlabelled).enumerated().map { number, identifier in
      let phase = number < 2 ? "GED4" : number < 7 ? "T1" : phases[number - 6]
      return (identifier, CaseOrigin(patient: identifier, vendor: number % 2 == 0 ? "A" : "B", phase: phase))
    })

  @Test func everyPhaseIsDrawnEquallyOften() throws {
    func drawn(_ sampling: UnlabelledSampling) -> [String: Int] {
      let order = UnlabelledOrder(TinyCohort.unlabelled, sampling, origins: Self.origins, seed: 3, lane: 1)
      return (0..<420).reduce(into: [:]) { $0[order[$1], default: 0] += 1 }
    }
    func share(_ counts: [String: Int], _ place: (CaseOrigin) -> Bool) -> Int {
      counts.reduce(0) { place(Self.origins[$1.key]!) ? $0 + $1.value : $0 }
    }
    let byPhase = drawn(.phases)
    #expect(Self.phases.map { phase in share(byPhase) { $0.phase == phase } } == [140, 140, 140])
    #expect(["A", "B"].map { vendor in share(byPhase) { $0.phase == "T1" && $0.vendor == vendor } } == [70, 70])
    #expect(byPhase.count == 7)
    #expect(Set(drawn(.cases).values) == [60])
  }

  @Test func everyLaneGetsItsPartOfEachPhase() throws {
    let plan = try LanePlan(lanes: 2, ranks: 1), cases = (0..<12).map { "c\($0)" }
    for lane in 0..<2 {
      let shard = plan.shard(lane: lane, of: cases, seed: 5) { Int($0.dropFirst())! < 4 ? "rare" : "frequent" }
      #expect(shard.count { Int($0.dropFirst())! < 4 } == 2 && shard.count == 6)
    }
  }

  @Test func crossSupervisionOfPhasesOnAnyNumberOfRanks() throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder + "/packs", origins: Self.origins)
      for ranks in [1, 3] {
        let file = "\(folder)/\(ranks).yaml"
        try TinyCohort.runFile(data: folder + "/packs", output: "\(folder)/run-\(ranks)", method: "cps").write(
          toFile: file, atomically: true, encoding: .utf8)
        let arguments = [
          "train", file, "steps=6", "network.base=1", "sampling.unlabelled=phases", "validation.every=0", "checkpoint.every=0",
        ]
        let (status, output) =
          ranks == 1
          ? try runAlone(arguments, timeout: 120, executable: "cohort")
          : try mpirun(ranks, arguments, timeout: 120, executable: "cohort")
        try #require(status == 0, "\(output)")
      }
      let (status, output) = try runAlone(["checkpoint-compare", "\(folder)/run-1", "\(folder)/run-3"])
      #expect(status == 0 && output.contains("difference 0.0"), "\(output)")
      let metrics = try (1...3).filter { $0 != 2 }.map {
        try String(contentsOfFile: "\(folder)/run-\($0)/metrics.jsonl", encoding: .utf8)
      }
      for phase in Self.phases {
        #expect(metrics.allSatisfy { $0.contains("\"agreement.\(phase)\"") && $0.contains("\"foreground.\(phase)\"") })
      }
      #expect(!metrics[0].contains("nan"))
    }
  }

  @Test func phasesMustBeKnown() throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder)
      let configuration = try RunConfiguration(
        yaml: TinyCohort.runFile(data: folder, output: folder + "/run", method: "cps"), source: "test",
        overrides: ["sampling.unlabelled=phases"])
      #expect { try Run(configuration, rank: 0, ranks: 1) } throws: { "\($0)".contains("tells no phases") }
    }
  }

  @Test func foldsAreHeldOut() throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder)
      let splits = "\(folder)/splits_final.json"
      func validation(_ text: String, fold: Int) throws -> [String] {
        try text.write(toFile: splits, atomically: true, encoding: .utf8)
        let configuration = try RunConfiguration(
          yaml: TinyCohort.runFile(data: folder, output: folder + "/run", method: "supervised"), source: "test",
          overrides: ["validation.fold=\(fold)"])
        let split = try MethodWork(StagePlan(configuration, rank: 0, ranks: 1)).split
        #expect(split.isHeldOut && Set(split.labelled).isDisjoint(with: split.validation))
        return split.validation
      }
      let sound = #"[{"train": ["case-a"], "val": ["case-b"]}, {"train": ["case-b"], "val": ["case-a"]}]"#
      #expect(try validation(sound, fold: 1) == ["case-a"])
      #expect { try validation(sound, fold: 2) } throws: { "\($0)".contains("has 2 folds") }
      #expect { try validation(#"[{"train": ["case-a"], "val": ["case-x"]}]"#, fold: 0) } throws: { "\($0)".contains("case-x") }
      #expect { try validation(#"[{"train": ["case-a"], "val": ["case-a"]}]"#, fold: 0) } throws: {
        "\($0)".contains("both trains")
      }
      #expect { try validation("{}", fold: 0) } throws: { "\($0)".contains("list of folds") }
    }
  }

  @Test func aPhaseThatIsAllBackgroundIsNamedOnce() {
    var check = CollapseCheck(), messages: [String] = []
    for step in 0..<3 * CollapseCheck.patience {
      // T2 is drawn in every other step, and T1 has foreground now and then.
      var means = ["loss": 1, "foreground": 0.1, "foreground.T1": step % 40 == 0 ? 0.2 : 0]
      if step % 2 == 0 { means["foreground.T2"] = 0 }
      messages += check.messages(means)
    }
    #expect(messages.count == 1 && messages[0].contains("of phase T2"), "\(messages)")
  }
}
