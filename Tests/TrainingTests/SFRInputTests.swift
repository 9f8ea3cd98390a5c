// Run files of SFR that cannot be meant: refused in one sentence with the key or the file.

import Foundation
import TestSupport
import Testing
import Training

@Suite(.serialized) struct SFRInputTests {
  private func expectRefusal(
    _ runs: SFRRuns, _ stages: [String], _ overrides: [String], _ hints: [String],
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let output = "refused-\(UUID().uuidString)", text: String
    do {
      let (status, printed) = try runs.start(try runs.configuration(output, stages, overrides))
      #expect(status == 3, "\(printed)", sourceLocation: sourceLocation)
      text = printed.split(separator: "\n").first { $0.hasPrefix("cohort: ") }.map { String($0) } ?? printed
    } catch let error as TrainingError { text = error.description }
    for hint in hints { #expect(text.contains(hint), "\(overrides): \(text)", sourceLocation: sourceLocation) }
    #expect(
      (text.hasSuffix(".") || text.hasSuffix("?")) && !text.contains("\n") && text.count < 500, "\(text)",
      sourceLocation: sourceLocation)
  }

  @Test func filesThatAreNoSAM() throws {
    try withTemporaryFolder { folder in
      let runs = try SFRRuns(folder),
        tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      let prior = tests.appendingPathComponent("NetworksTests/Fixtures/sam_med3d_tiny.safetensors").path
      for (file, hint) in [(folder + "/none.pth", "there is no file"), (prior, "no weights of SAM"), (folder, "is a folder")] {
        try expectRefusal(runs, SFRRuns.stages, ["sam.checkpoint=\(file)"], ["sam.checkpoint", file, hint])
      }
      try expectRefusal(runs, SFRRuns.stages, ["sam.adapters=\(runs.sam)"], ["sam.adapters", runs.sam, "holds no LoRA"])
    }
  }

  @Test func sizesThatDoNotFit() throws {
    try withTemporaryFolder { folder in
      let runs = try SFRRuns(folder)
      for (override, hints) in [
        ("patch=[32,32,32]", ["patch: ", "canvas"]), ("stitch.patch=[80,16,16]", ["stitch.patch: ", "canvas"]),
        ("sam.canvas=100", ["sam.canvas", "100"]), ("sam.canvas=32", ["patch: ", "canvas"]),
        ("stages.pseudo-label.steps=2", ["pseudo-label", "steps: 1"]),
        ("stitch.geometry=uniform", ["stitch.patch: ", "96x96x96", "canvas"]),
      ] { try expectRefusal(runs, SFRRuns.stages, [override], hints) }
    }
  }

  /// A decoder with masks that were made anew knows no class.
  @Test func pseudoLabelsOfASAMThatNobodyTaught() throws {
    try withTemporaryFolder { folder in
      let runs = try SFRRuns(folder), fineTune = "work: fine-tune-sam"
      for (stages, overrides, hints) in [
        (SFRRuns.stages, ["stages=[re-train]"], ["pseudoLabels.kind: bank", "work: pseudo-label"]),
        (SFRRuns.stages, ["stages=[fine-tune, re-train]"], ["pseudoLabels.kind: bank", "work: pseudo-label"]),
        (SFRRuns.stages, ["stages=[re-train]", "stages.re-train.pseudoLabels=online"], ["pseudoLabels.kind: online", fineTune]),
        (SFRRuns.stages, ["stages=[pseudo-label, re-train]"], ["work: pseudo-label", fineTune]),
        (SFRRuns.plusStages, ["stages=[turns]"], ["work: sfr-plus", fineTune]),
      ] { try expectRefusal(runs, stages, overrides, hints) }
      let warmUp = "{name: warm-up, steps: 2, method: supervised}"
      for stages in [[warmUp] + SFRRuns.stages[1...], [warmUp, SFRRuns.plusStages[1]]] {
        try expectRefusal(runs, stages, [], [fineTune, "sam.adapters"])
      }
    }
  }

  @Test func settingsThatContradictEachOther() throws {
    try withTemporaryFolder { folder in
      let runs = try SFRRuns(folder)
      for (stages, overrides, hints) in [
        (
          SFRRuns.stages, ["stages.re-train.pseudoLabels=online", "stitch.patch=[8,16,32]"],
          ["pseudoLabels.kind: online", "stitch.patch"]
        ),
        (
          SFRRuns.stages, ["stages.re-train.pseudoLabels=online", "stitch.patch=[16,16,32]", "stitch.geometry=uniform"],
          ["pseudoLabels.kind: online", "stitch.geometry: released", "bank"]
        ),
        (
          SFRRuns.plusStages, ["stages.turns.confidence.source=teacher", "stages.turns.method=self-training"],
          ["confidence.source: teacher", "self-training", "mean-teacher"]
        ),
        (SFRRuns.plusStages, ["confidence.threshold=1.5"], ["confidence.threshold", "1.5"]),
        (SFRRuns.plusStages, ["confidence.threshold=-0.1"], ["confidence.threshold", "-0.1"]),
        (SFRRuns.stages, ["stages.re-train.pseudoLabels=banc"], ["pseudoLabels", "banc"]),
      ] { try expectRefusal(runs, stages, overrides, hints) }
    }
  }
}
