// Lanes: each rank loads only the volumes of its lanes, and batches are a function of (seed, lane, step) alone.

import Cluster
import Methods
import Preparation
import MPI
import TestSupport
import Testing
import Training
import Volumes

@Suite struct LoaderTests {
  /// Runs made as rank r of R would make them, in one process.
  func runs(_ ranks: Int, in folder: String) throws -> [Run] {
    let configuration = try RunConfiguration(yaml: TinyCohort.runFile(data: folder, output: folder + "/run"), source: "test")
    return try (0..<ranks).map { try Run(configuration, rank: $0, ranks: ranks) }
  }

  @Test func eachRankReadsOnlyItsLanesUnlabelledVolumes() throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder)
      let parts = try runs(3, in: folder).map { run in
        for step in 0..<20 {
          for lane in try run.lanes { _ = try run.methodWork.loader.batch(lane: lane, at: Step(index: step, total: 50, seed: 5)) }
        }
        return Set(run.methodWork.store.loaded).intersection(TinyCohort.unlabelled)
      }
      #expect(parts.reduce(Set()) { $0.union($1) } == Set(TinyCohort.unlabelled), "every volume is used")
      #expect(parts.map(\.count).reduce(0, +) == TinyCohort.unlabelled.count, "no volume is read by two ranks")
    }
  }

  @Test func batchesDoNotDependOnTheRanks() throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder)
      let alone = try runs(1, in: folder)[0], third = try runs(3, in: folder)[2]
      let step = Step(index: 9, total: 50, seed: 5)
      let a = try alone.methodWork.loader.batch(lane: 2, at: step), b = try third.methodWork.loader.batch(lane: 2, at: step)
      #expect(a.unlabelled[0].identifier == b.unlabelled[0].identifier && a.unlabelled[0].label == nil)
      #expect(a.unlabelled[0].image(.biased, at: step).values == b.unlabelled[0].image(.biased, at: step).values)
      #expect(
        a.labelled[0].image(.biased, at: step).values == b.labelled[0].image(.biased, at: step).values
          && a.labelled[0].label == b.labelled[0].label)
      #expect(a.unlabelled[0].clean!.values != a.unlabelled[0].image(.biased, at: step).values)
    }
  }

  /// Every crop lies under a field of its own, which is none of those that a method puts over it.
  @Test func cropsUnderBiasFields() throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder)
      let yaml = TinyCohort.runFile(data: folder, output: folder + "/run"), step = Step(index: 9, total: 50, seed: 5)
      func batch(_ overrides: [String]) throws -> Batch {
        let configuration = try RunConfiguration(yaml: yaml, source: "test", overrides: overrides)
        return try Run(configuration, rank: 0, ranks: 1).methodWork.loader.batch(lane: 1, at: step)
      }
      let plain = try batch([]), biased = try batch(["augmentation.bias=paper"])
      for (one, other) in zip(plain.labelled + plain.unlabelled, biased.labelled + biased.unlabelled) {
        #expect(one.identifier == other.identifier && one.label == other.label)
        #expect(one.clean!.values != other.clean!.values)
        #expect(one.image(.biased, at: step).values != other.clean!.values, "another field than the method's")
      }
    }
  }

  @Test func everyLabelledCaseComesOnceAnEpoch() throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder)
      let run = try runs(1, in: folder)[0]
      var seen: [String] = []
      for step in 0..<4 {
        for lane in 0..<3 {
          seen.append(
            try run.methodWork.loader.batch(lane: lane, at: Step(index: step, total: 50, seed: 5)).labelled[0].identifier)
        }
      }
      for epoch in 0..<6 { #expect(Set(seen[(2 * epoch)..<(2 * epoch + 2)]) == Set(TinyCohort.labelled)) }
    }
  }

  /// A study of how many labels are enough: the others' images are used, their labels are not seen.
  @Test func labelsBeyondTheLimitAreNotSeen() throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder)
      func work(labelled: Int) throws -> MethodWork {
        let file =
          TinyCohort.runFile(data: folder, output: folder + "/run") + "labelled: \(labelled)\nsampling: {foreground: 1}\n"
        return try Run(try RunConfiguration(yaml: file, source: "test"), rank: 0, ranks: 1).methodWork
      }
      let limited = try work(labelled: 1), spared = TinyCohort.labelled[1]
      #expect(limited.split.labelled == [TinyCohort.labelled[0]] && limited.split.unlabelled == [spared] + TinyCohort.unlabelled)
      #expect(try work(labelled: 0).split == work(labelled: 2).split)
      var drawn: [Sample] = []
      for step in 0..<8 {
        for lane in 0..<3 { drawn += try limited.loader.batch(lane: lane, at: Step(index: step, total: 50, seed: 5)).unlabelled }
      }
      #expect(drawn.contains { $0.identifier == spared } && drawn.allSatisfy { $0.label == nil })
      #expect(throws: TrainingError.self) { try work(labelled: 3) }
    }
  }

  @Test func labelledCasesAreNamedOrDrawn() throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder)
      func labelled(_ choice: String) throws -> [String] {
        let file = TinyCohort.runFile(data: folder, output: folder + "/run") + "labelled: \(choice)\n"
        return try Run(try RunConfiguration(yaml: file, source: "test"), rank: 0, ranks: 1).methodWork.split.labelled
      }
      #expect(try labelled("[case-b]") == ["case-b"])
      let drawn = try (0..<8).map { try labelled("{count: 1, seed: \($0)}") }
      #expect(Set(drawn) == [["case-a"], ["case-b"]])
      #expect(try labelled("{count: 1, seed: 3}") == drawn[3])
      #expect(try labelled("{count: 2, seed: 3}") == TinyCohort.labelled)
      for (choice, hint) in [("[case-c]", "did you mean"), ("{count: 3}", "ask for fewer")] {
        let error = #expect(throws: TrainingError.self) { try labelled(choice) }
        #expect(error?.description.contains(hint) == true, "\(String(describing: error))")
      }
    }
  }

  /// Two of each, and every one with random numbers of its own.
  @Test func aLaneDrawsAsManySamplesAsTheBatchSays() throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder)
      let file = TinyCohort.runFile(data: folder, output: folder + "/run") + "batch: {labelled: 2, unlabelled: 3}\n"
      let loader = try Run(try RunConfiguration(yaml: file, source: "test"), rank: 0, ranks: 1).methodWork.loader
      let batches = try (0..<3).map { try loader.batch(lane: $0, at: Step(index: 4, total: 50, seed: 5)) }
      #expect(batches.allSatisfy { $0.labelled.count == 2 && $0.unlabelled.count == 3 })
      for samples in [batches.flatMap(\.labelled), batches.flatMap(\.unlabelled)] {
        #expect(Set(samples.map(\.draw)).count == samples.count)
      }
    }
  }

  @Test func aSmallMemoryBudgetReadsAgainAndGivesTheSame() throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder)
      let store = try CaseStore(folder: folder, budget: 1)
      let first = try store.volume("scan-1").image
      _ = try store.volume("scan-2")
      #expect(try store.volume("scan-1").image == first && store.loaded == ["scan-1", "scan-2", "scan-1"])
    }
  }
}
