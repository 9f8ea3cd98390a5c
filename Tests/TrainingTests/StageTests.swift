// Runs of several stages: each takes up what the one before left, a stage change is a checkpoint, and an interruption anywhere leaves no trace.

import Cluster
import Foundation
import MPI
import Methods
import TestSupport
import Testing
import Training

@Suite(.serialized) struct StageTests {
  // MARK: A work of a stranger's

  private func toy(_ folder: String, _ output: String, steps: Int = 10, every: Int = 0) throws -> Run {
    try FileManager.default.createDirectory(atPath: "\(folder)/\(output)", withIntermediateDirectories: true)
    let configuration = try RunConfiguration(
      yaml:
        "data: none\noutput: \(folder)/\(output)\nsteps: \(steps)\nlanes: 3\nschedule: constant\ncheckpoint: {every: \(every)}\n",
      source: "test")
    return try Run(configuration, rank: 0, ranks: 1) { try ToyWork($0) }
  }

  private func toyWork(_ run: Run) -> ToyWork { run.stage.work as! ToyWork }

  /// Killed at every step: within a round, at its end, before the first checkpoint.
  @Test func roundsAndBothOptimisersSurviveAnInterruptionAtAnyStep() throws {
    try withTemporaryFolder { folder in
      let whole = try toy(folder, "whole")
      try whole.trained()
      #expect(toyWork(whole).decisions.map { $0.prefix(2) } == ["0:", "1:", "2:", "3:"])
      for step in 1...9 {
        let part = "part-\(step)"
        try toy(folder, part, every: step).trained()
        for saved in CheckpointStore(folder: "\(folder)/\(part)/checkpoints").list() where saved.step != step {
          try FileManager.default.removeItem(atPath: saved.path)
        }
        let continued = try toy(folder, part)
        #expect(try continued.trained().step == 10)
        for (one, other) in zip(whole.stage.work.modules, continued.stage.work.modules) {
          for (a, b) in zip(one.state, other.state) {
            #expect(a.tensor.values == b.tensor.values, "\(a.name) after step \(step)")
          }
        }
        #expect(toyWork(continued).decisions.last == toyWork(whole).decisions.last)
      }
    }
  }

  @Test func aRunAtItsEndTakesMoreSteps() throws {
    try withTemporaryFolder { folder in
      let whole = try toy(folder, "whole")
      try whole.trained()
      #expect(try toy(folder, "grown", steps: 6, every: 4).trained().step == 6)
      let grown = try toy(folder, "grown")
      #expect(try grown.trained().step == 10)
      for (one, other) in zip(whole.stage.work.modules, grown.stage.work.modules) {
        for (a, b) in zip(one.state, other.state) { #expect(a.tensor.values == b.tensor.values, "\(a.name)") }
      }
      #expect { try toy(folder, "grown", steps: 9).trained() } throws: { "\($0)".contains("steps (10 → 9)") }
      for saved in CheckpointStore(folder: folder + "/grown/checkpoints").list() where saved.step != 4 {
        try FileManager.default.removeItem(atPath: saved.path)
      }
      #expect { try toy(folder, "grown", steps: 12).trained() } throws: { "\($0)".contains("steps (6 → 12)") }
    }
  }

  // MARK: Stages of a run file

  private func stages(_ folder: String, _ output: String, _ overrides: [String] = []) throws -> RunConfiguration {
    let yaml =
      TinyCohort.runFile(data: folder, output: "\(folder)/\(output)") + """

        stages:
          - {name: warm-up, method: supervised, steps: 4, optimizer: {learningRate: 0.05}}
          - name: semi
            method: mean-teacher
            steps: 5
            optimizer: {name: adamw, learningRate: 0.001}
            batch: {labelled: 2, unlabelled: 2}

        """
    return try RunConfiguration(
      yaml: yaml, source: "test",
      overrides: ["lanes=2", "network.base=1", "validation.every=0", "checkpoint.every=0", "checkpoint.keep=10"] + overrides)
  }

  private func run(_ configuration: RunConfiguration) throws -> Run {
    try FileManager.default.createDirectory(atPath: configuration.output, withIntermediateDirectories: true)
    return try Run(configuration, rank: 0, ranks: 1)
  }

  @Test func eachStageHasItsOwnSettings() throws {
    let configuration = try stages("/data", "run"), parts = configuration.stages
    #expect(parts.map(\.name) == ["warm-up", "semi"] && parts.map(\.configuration.steps) == [4, 5])
    #expect(parts.map(\.configuration.methodName) == ["supervised", "mean-teacher"])
    #expect(parts.map(\.configuration.optimizerName) == ["sgd", "adamw"])
    #expect(parts.map(\.configuration.labelledSamples) == [0, 2] && parts.map(\.configuration.lanes) == [2, 2])
    #expect(parts[0].configuration.seed == configuration.seed && parts[1].configuration.seed != configuration.seed)
    #expect(try RunConfiguration(yaml: configuration.yaml, source: "again").values == configuration.values)
  }

  @Test(arguments: [
    ("stages=[last]", "semi"), ("stages.semi.stpes=3", "stages.semi: there is no key \"stpes\": did you mean \"steps\"?"),
    ("stages.semi.lanes=4", "every stage"),
    ("stages.last.steps=4", "semi"), ("stages.semi.steps=0", "1"),
  ]) func impossibleStagesAreRefused(override: String, hint: String) throws {
    let error = #expect(throws: TrainingError.self) { try self.stages("/data", "run", [override]) }
    #expect(error?.description.contains(hint) == true, "\(String(describing: error))")
  }

  /// Stopped in the first stage, at its end, in the second.
  @Test func anInterruptionInAnyStageChangesNoByte() throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder)
      let whole = try run(stages(folder, "whole"))
      #expect(try whole.trained().step == 9 && whole.stage.name == "semi")
      for (number, every) in [3, 4, 7].enumerated() {
        let configuration = try stages(folder, "part-\(number)", ["checkpoint.every=\(every)"])
        try run(configuration).trained()
        for saved in CheckpointStore(folder: configuration.output + "/checkpoints").list() where saved.step != every {
          try FileManager.default.removeItem(atPath: saved.path)
        }
        let continued = try run(configuration)
        #expect(try continued.trained().step == 9)
        for (a, b) in zip(whole.stage.work.modules, continued.stage.work.modules) {
          for (x, y) in zip(a.state, b.state) { #expect(x.tensor.values == y.tensor.values, "\(x.name) after \(every)") }
        }
        #expect(whole.methodWork.method.carried[0].values.values == continued.methodWork.method.carried[0].values.values)
      }
    }
  }

  @Test func onlyTheLastStageTakesMoreSteps() throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder)
      try run(stages(folder, "run", ["stages.semi.steps=1"])).trained()
      #expect {
        try run(stages(folder, "run", ["stages.warm-up.steps=6", "stages.semi.steps=1"])).trained()
      } throws: {
        "\($0)".contains("stages.warm-up.steps (4 → 6)")
      }
      let grown = try run(stages(folder, "run", ["stages.semi.steps=2"]))
      #expect(try grown.trained().step == 6 && grown.stage.name == "semi")
    }
  }

  @Test func theNextStageGoesOnWithTheNetworkOfTheOneBefore() throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder)
      let first = try run(stages(folder, "first", ["stages=[warm-up]"]))
      try first.trained()
      let network = first.methodWork.method.trained[0].parameters.values.values
      let second = try run(stages(folder, "second", ["stages.semi.steps=1", "stages.semi.optimizer.learningRate=1e-12"]))
      try second.trained()
      let distance = zip(network, second.methodWork.method.trained[0].parameters.values.values).map { abs($0 - $1) }.max()!
      #expect(distance < 1e-6, "\(distance)")
      let fresh = try run(
        stages(folder, "fresh", ["stages.semi.steps=1", "stages.semi.start=fresh", "stages.semi.optimizer.learningRate=1e-12"]))
      try fresh.trained()
      #expect(fresh.methodWork.method.trained[0].parameters.values.values != network)
    }
  }

  /// Refused before the first step, with the stage's name.
  @Test(arguments: [("stages.semi.network=vnet", "start: fresh"), ("stages.semi.data=/nowhere", "packs.json")])
  func stagesThatCannotFollowAreRefused(override: String, hint: String) throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder)
      let file = folder + "/run.yaml", output = folder + "/refused"
      try stages(folder, "refused", [override]).yaml.write(toFile: file, atomically: true, encoding: .utf8)
      let (status, text) = try runAlone(["train", file], executable: "cohort")
      #expect(status == 3 && text.hasPrefix("cohort: stage semi: ") && text.contains(hint), "\(text)")
      #expect(!FileManager.default.fileExists(atPath: output))
    }
  }

  /// The same bytes on two ranks and on one, through the command, with the stages' names in what it prints and writes.
  @Test func stagesDoNotDependOnTheRanks() throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder)
      for ranks in [1, 2] {
        let configuration = try stages(folder, "ranks-\(ranks)"), file = "\(folder)/run-\(ranks).yaml"
        try configuration.yaml.write(toFile: file, atomically: true, encoding: .utf8)
        let (status, output) =
          ranks == 1
          ? try runAlone(["train", file], timeout: 120, executable: "cohort")
          : try mpirun(ranks, ["train", file], timeout: 120, executable: "cohort")
        try #require(status == 0, "\(output)")
        #expect(
          output.contains("stage warm-up: ") && output.contains("stage semi: ") && output.contains("tensors of the stage before"))
        let events = try String(contentsOfFile: configuration.output + "/events.jsonl", encoding: .utf8)
        #expect(events.contains(#""event":"stage""#) && events.contains(#""message":"semi""#))
        let metrics = try String(contentsOfFile: configuration.output + "/metrics.jsonl", encoding: .utf8)
        #expect(metrics.contains(#""step":9"#))
      }
      let (status, output) = try runAlone(["checkpoint-compare", "\(folder)/ranks-1", "\(folder)/ranks-2"])
      #expect(status == 0 && output.contains("step 9") && output.contains("difference 0.0"), "\(output)")
    }
  }
}
