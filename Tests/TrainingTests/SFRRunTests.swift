// Whole runs of SFR and SFR+ with a tiny SAM: the same bytes on any number of ranks and after a stop anywhere, banks that are completed, little data.

import Cluster
import Foundation
import Learning
import TestSupport
import Testing
import Training
import Volumes
import Weights

@Suite(.serialized) struct SFRRunTests {
  private func entries(_ data: String) throws -> [PackEntry] {
    try PackIndex(folder: data).entries.filter { $0.role == .unlabelled }
  }

  /// The only bank beside some data.
  private func bank(_ data: String) throws -> PseudoLabelBank {
    let keys = try FileManager.default.contentsOfDirectory(atPath: data + "/pseudo-labels")
    try #require(keys.count == 1)
    return PseudoLabelBank(key: keys[0], data: data, fallback: "")
  }

  private func bytes(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

  private func expectFinite(_ run: Run) {
    for update in run.stage.work.modules {
      let isFinite = update.module.parameters.values.values.allSatisfy { $0.isFinite }
      #expect(isFinite, "\(update.module.name)")
    }
  }

  private func expectSameRuns(_ folder: String, _ names: [String], step: Int) throws {
    let (status, output) = try runAlone(["checkpoint-compare"] + names.map { "\(folder)/\($0)" })
    #expect(status == 0 && output.contains("step \(step)") && output.contains("difference 0.0"), "\(output)")
  }

  // MARK: Ranks

  /// Each on data of its own, so that both label all volumes; two of them are volumes of two ranks.
  @Test func sfrDoesNotDependOnTheRanks() throws {
    try withTemporaryFolder { folder in
      var banks: [PseudoLabelBank] = []
      for ranks in [1, 3] {
        let runs = try SFRRuns(folder, data: "data-\(ranks)")
        let (status, output) = try runs.start(try runs.configuration("ranks-\(ranks)", SFRRuns.stages, ["lanes=9"]), ranks: ranks)
        try #require(status == 0, "\(output)")
        #expect(
          output.contains("pseudo-labels: 7 volumes, 0 of them were there") && output.contains("learns from the pseudo-labels"))
        banks.append(try bank(runs.data))
      }
      try expectSameRuns(folder, ["ranks-1", "ranks-3"], step: 7)
      #expect(try bytes("\(folder)/ranks-1/sam.safetensors") == bytes("\(folder)/ranks-3/sam.safetensors"))
      #expect(banks[0].key == banks[1].key)
      for entry in try entries(folder + "/data-1") {
        let labels = try banks[0].read(entry)
        #expect(try labels == banks[1].read(entry) && Set(labels.labels).count > 1)
      }
    }
  }

  /// Also with more lanes than volumes, of which some are then volumes of two ranks.
  @Test(arguments: [3, 9]) func sfrPlusDoesNotDependOnTheRanks(lanes: Int) throws {
    try withTemporaryFolder { folder in
      for ranks in [1, 3] {
        let runs = try SFRRuns(folder, data: "data-\(ranks)")
        let (status, output) = try runs.start(
          try runs.configuration("ranks-\(ranks)", SFRRuns.plusStages, ["lanes=\(lanes)"]), ranks: ranks)
        try #require(status == 0, "\(output)")
        #expect(output.contains("round 1: 3 of 7 volumes") && output.contains("round 2: 3 of 7 volumes"), "\(output)")
      }
      try expectSameRuns(folder, ["ranks-1", "ranks-3"], step: 10)
      for file in ["sam.safetensors", "confidence.csv"] {
        #expect(try bytes("\(folder)/ranks-1/\(file)") == bytes("\(folder)/ranks-3/\(file)"), "\(file)")
      }
      let rounds = try ConfidenceFile.read(run: folder + "/ranks-1")
      #expect(rounds.map(\.number) == [1, 2] && rounds.allSatisfy { $0.volumes.map(\.identifier) == TinyCohort.unlabelled })
    }
  }

  // MARK: Stages

  /// On canvases of another kind SAM forgets what it was taught: whoever sets the keys for one stage alone is told, and the recipe sets them for both.
  @Test func canvasesOfTwoKindsAreTold() throws {
    try withTemporaryFolder { folder in
      let runs = try SFRRuns(folder)
      for (name, keys, isTold) in [("one", [], false), ("two", ["stages.turns.fineTune.remap=none"], true)] {
        let (status, output) = try runs.start(try runs.configuration(name, SFRRuns.plusStages, keys), ranks: 1)
        #expect(status == 0 && output.contains("WITH OTHER fineTune KEYS THAN THERE") == isTold, "\(output)")
      }
    }
    let parts = try recipe(named: "sfr-plus-mean-teacher").yaml.components(separatedBy: "\nstages:")
    #expect(parts[0].contains("\nfineTune: {") && !parts[1].contains(" fineTune: {"))
  }

  // MARK: Stops

  /// Stopped within each stage and at its end.
  @Test(arguments: [(SFRRuns.stages, [1, 3, 4, 5]), (SFRRuns.plusStages, [2, 3, 4, 6, 7, 9])])
  func anInterruptionAnywhereChangesNoByte(stages: [String], stops: [Int]) throws {
    try withTemporaryFolder { folder in
      let runs = try SFRRuns(folder), settings = ["checkpoint.every=1"]
      let whole = try runs.run(try runs.configuration("whole", stages, settings)), last = whole.steps
      #expect(try runs.finished(whole).step == last)
      for stop in stops {
        let configuration = try runs.configuration("part-\(stop)", stages, settings)
        try FileManager.default.copyItem(atPath: folder + "/whole", toPath: configuration.output)
        for saved in CheckpointStore(folder: configuration.output + "/checkpoints").list() where saved.step > stop {
          try FileManager.default.removeItem(atPath: saved.path)
        }
        let continued = try runs.run(configuration)
        #expect(try runs.finished(continued).step == last)
        expectSameState(whole, continued, "after step \(stop)")
        for file in ["sam.safetensors"] + (stages == SFRRuns.plusStages ? ["confidence.csv"] : []) {
          #expect(try bytes(configuration.output + "/" + file) == bytes(folder + "/whole/" + file), "\(file) after step \(stop)")
        }
      }
    }
  }

  // MARK: Banks

  @Test func aBankThatLacksAVolumeIsCompleted() throws {
    try withTemporaryFolder { folder in
      let runs = try SFRRuns(folder)
      func labelled(_ output: String) throws -> PseudoLabelling {
        let run = try runs.run(try runs.configuration(output, SFRRuns.stages, ["stages=[fine-tune, pseudo-label]"]))
        try runs.finished(run)
        return try #require(run.stage.work as? PseudoLabelling)
      }
      #expect(try labelled("first").known == 0)
      let bank = try bank(runs.data), lost = try entries(runs.data)[2], before = try bank.read(lost)
      func dates() throws -> [Date] {
        try entries(runs.data).map { entry in
          try #require(try FileManager.default.attributesOfItem(atPath: bank.path(entry))[.modificationDate] as? Date)
        }
      }
      let written = try dates()
      try FileManager.default.removeItem(atPath: bank.path(lost))
      #expect(try labelled("second").known == 6)
      #expect(try bank.read(lost) == before)
      #expect(zip(written, try dates()).enumerated().allSatisfy { ($1.0 == $1.1) == ($0 != 2) }, "the others were not made again")
    }
  }

  /// A run that goes on when its bank has lost a volume says so.
  @Test func aVolumeThatTheBankHasLostIsNamed() throws {
    try withTemporaryFolder { folder in
      let runs = try SFRRuns(folder), configuration = try runs.configuration("run", SFRRuns.stages, ["checkpoint.every=5"])
      try runs.finished(try runs.run(configuration))
      for saved in CheckpointStore(folder: configuration.output + "/checkpoints").list() where saved.step != 5 {
        try FileManager.default.removeItem(atPath: saved.path)
      }
      let entry = try entries(runs.data)[0]
      try FileManager.default.removeItem(atPath: try bank(runs.data).path(entry))
      let (status, output) = try runs.start(configuration)
      #expect(status != 0 && output.contains("no whole pseudo-labels of case \(entry.identifier)"), "\(output)")
    }
  }

  /// Only the newest checkpoint is kept, so that each round's banks go; a run that is killed in any round finds what it needs.
  @Test func banksOfEarlierRoundsGo() throws {
    try withTemporaryFolder { folder in
      let runs = try SFRRuns(folder), settings = ["checkpoint.every=1", "checkpoint.keep=1", "confidence.source=teacher"]
      func banks(_ run: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(run)/pseudo-labels").sorted()
      }
      #expect(try runs.start(try runs.configuration("whole", SFRRuns.plusStages, settings)).status == 0)
      let left = try banks("whole")
      #expect(left.count == 2 && left.contains("student-2"), "\(left)")
      // After SAM's first turn, and within the student's.
      for step in [7, 8] {
        let name = "killed-\(step)", configuration = try runs.configuration(name, SFRRuns.plusStages, settings)
        #expect(try runs.start(configuration, environment: [Fault.variable: "kill:rank=0,step=\(step)"]).status != 0)
        let (status, output) = try runs.start(configuration)
        #expect(status == 0 && output.contains("after step \(step - 1) of 10"), "\(output)")
        try expectSameRuns(folder, ["whole", name], step: 10)
        #expect(try banks(name) == left)
      }
    }
  }

  // MARK: Who teaches whom

  /// SAM teaches the student on uncertain volumes, on the others if asked; where no volume is confident, SAM stays as it was.
  @Test func confidentVolumesTeachSAMAndUncertainOnesTheStudent() throws {
    try withTemporaryFolder { folder in
      let runs = try SFRRuns(folder)
      func trained(_ output: String, _ override: String) throws -> (student: [Float], sam: [Float]) {
        let run = try runs.run(try runs.configuration(output, SFRRuns.plusStages, [override]))
        try runs.finished(run)
        let values = run.stage.work.modules.map(\.module.parameters.values.values)
        return (values[0], values[values.count - 1])
      }
      let fineTuned = try trained("fine-tuned", "stages=[fine-tune]").sam
      let usual = try trained("usual", "seed=5"), all = try trained("all", "stages.turns.confidence.labelConfident=true")
      let none = try trained("none", "stages.turns.confidence.share=0")
      let teacher = try trained("teacher", "stages.turns.confidence.source=teacher")
      #expect(teacher.sam != usual.sam && teacher.sam != fineTuned)
      #expect(usual.student != all.student)
      #expect(none.sam == fineTuned && usual.sam != fineTuned && none.student != usual.student)
    }
  }

  // MARK: Measurements

  /// `cohort scale` times the steps of every stage; those before it hand on what they begin with.
  @Test(arguments: [
    (SFRRuns.stages, "fine-tune"), (SFRRuns.stages, "pseudo-label"), (SFRRuns.stages, "re-train"), (SFRRuns.plusStages, "turns"),
  ]) func everyStageCanBeTimed(stages: [String], stage: String) throws {
    try withTemporaryFolder { folder in
      let runs = try SFRRuns(folder), file = folder + "/run.yaml", output = folder + "/measured"
      try runs.configuration("unused", stages).yaml.write(toFile: file, atomically: true, encoding: .utf8)
      let (status, text) = try runAlone(
        ["scale", "measure", file, "--stage", stage, "--lanes", "3", "--warmup", "1", "--steps", "4", "--output", output],
        timeout: 120, executable: "cohort")
      try #require(status == 0, "\(text)")
      let measured = try JSONSerialization.jsonObject(with: bytes(output + "/measured.json")) as? [String: Any]
      let steps = try #require(measured?["steps"] as? [[String: Double]])
      #expect(measured?["buckets"] as? Int ?? 0 > 0)
      #expect(steps.count == 4 && steps.allSatisfy { $0["compute"]! > 0 && $0["wall"]! >= $0["compute"]! })
      let hasBank = FileManager.default.fileExists(atPath: runs.data + "/pseudo-labels")
      #expect(hasBank == (stage == "re-train"), "a measurement leaves no labels of its own")
    }
  }

  // MARK: Little data

  @Test(arguments: [SFRRuns.stages, SFRRuns.plusStages]) func oneLabelledVolumeIsEnough(stages: [String]) throws {
    try withTemporaryFolder { folder in
      let runs = try SFRRuns(folder)
      let configuration = try runs.configuration("one", stages, ["labelled=1", "batch.labelled=2", "batch.unlabelled=2"])
      let run = try runs.run(configuration), outcome = try runs.finished(run)
      #expect(outcome.step == run.steps && outcome.scores.map { $0.mean.isFinite } == true)
      expectFinite(run)
    }
  }

  /// Ten slices where a crop has sixteen.
  @Test(arguments: [SFRRuns.stages, SFRRuns.plusStages]) func thinVolumesArePadded(stages: [String]) throws {
    try withTemporaryFolder { folder in
      let runs = try SFRRuns(folder, write: SFRRuns.writeThin), run = try runs.run(try runs.configuration("thin", stages))
      #expect(try runs.finished(run).step == run.steps)
      expectFinite(run)
      guard stages == SFRRuns.stages else { return }
      for entry in try entries(runs.data) { #expect(try bank(runs.data).read(entry).labels.count == 10 * 24 * 22) }
    }
  }

  /// The same volumes, interpolated to sixteen slices: other labels, of as many voxels as the volumes have.
  @Test(arguments: [SFRRuns.stages, SFRRuns.plusStages]) func theUniformGeometryInterpolatesThinVolumes(stages: [String]) throws {
    try withTemporaryFolder { folder in
      func sam(_ geometry: String) throws -> (runs: SFRRuns, sam: Data) {
        let runs = try SFRRuns(folder, data: geometry, write: SFRRuns.writeThin)
        let settings = ["stitch.patch=[16, 16, 32]", "stitch.geometry=\(geometry)"]
        let run = try runs.run(try runs.configuration("run-\(geometry)", stages, settings))
        #expect(try runs.finished(run).step == run.steps)
        expectFinite(run)
        return (runs, try bytes("\(folder)/run-\(geometry)/sam.safetensors"))
      }
      let padded = try sam("released"), uniform = try sam("uniform")
      #expect(padded.sam != uniform.sam)
      guard stages == SFRRuns.stages else { return }
      for entry in try entries(uniform.runs.data) {
        let labels = try bank(uniform.runs.data).read(entry).labels
        #expect(try labels.count == 10 * 24 * 22 && labels != bank(padded.runs.data).read(entry).labels)
      }
    }
  }

  /// SAM labels the crops themselves: other labels than a bank's, and the same on two runs.
  @Test func onlineLabelsAreNotThoseOfABank() throws {
    try withTemporaryFolder { folder in
      let runs = try SFRRuns(folder), online = ["stages=[fine-tune, re-train]", "stages.re-train.pseudoLabels=online"]
      func trained(_ output: String, _ overrides: [String]) throws -> [Float] {
        let run = try runs.run(try runs.configuration(output, SFRRuns.stages, overrides))
        try runs.finished(run)
        return run.methodWork.method.trained[0].parameters.values.values
      }
      let one = try trained("one", online)
      #expect(try one == trained("two", online) && one != trained("bank", []))
      // Another weight of the term is another student.
      #expect(try one != trained("light", online + ["stages.re-train.pseudoLabels.weight=0.1"]))
    }
  }

  /// A merged SAM needs no stage before.
  @Test func aMergedSAMLabelsAtOnce() throws {
    try withTemporaryFolder { folder in
      let runs = try SFRRuns(folder)
      try runs.finished(try runs.run(try runs.configuration("first", SFRRuns.stages)))
      let expected = try bank(runs.data), merged = folder + "/merged.safetensors"
      _ = try mergeAdapters(base: runs.sam, adapters: folder + "/first/sam.safetensors", to: merged)
      let other = try SFRRuns(folder, data: "again")
      let second = ["stages=[pseudo-label]", "sam.checkpoint=\(merged)"]
      try other.finished(try other.run(try other.configuration("second", SFRRuns.stages, second)))
      let again = try bank(other.data)
      for entry in try entries(runs.data) {
        let (one, two) = (try expected.read(entry).labels, try again.read(entry).labels)
        #expect(zip(one, two).count { $0 != $1 } < one.count / 500, "rounding alone")
      }
      // As do adapters of their own.
      let third = ["stages=[pseudo-label]", "sam.adapters=\(folder)/first/sam.safetensors"]
      let run = try runs.run(try runs.configuration("third", SFRRuns.stages, third))
      try runs.finished(run)
      #expect((run.stage.work as? PseudoLabelling)?.known == 7, "it is the same SAM")
    }
  }
}
