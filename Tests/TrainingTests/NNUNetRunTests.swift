// nnU-Net's training with all that belongs to it, on one rank and on three; and what it does not go together with.

import Cluster
import Foundation
import TestSupport
import Testing
import Training

@Suite(.serialized) struct NNUNetRunTests {
  private static let all = [
    "steps=3", "validation.every=0", "checkpoint.every=0", "network.name=plainconvunet", "network.base=2",
    "network.strides=2,2,2;2,2,2;1,2,2", "augmentation.kind=nnunet", "augmentation.axes=[D, H]", "sampling.kind=nnunet",
    "batch.labelled=2", "optimizer.momentum=0.99", "optimizer.nesterov=true", "optimizer.weightDecay=0.00003",
    "optimizer.clipNorm=12", "schedule.epochSteps=2",
  ]

  private func train(
    _ ranks: Int, _ name: String, in folder: String, _ overrides: [String], method: String = "nnunet",
    environment: [String: String] = [:]
  )
    throws -> (status: Int32, output: String)
  {
    let file = "\(folder)/\(name).yaml"
    try TinyCohort.runFile(data: folder + "/packs", output: "\(folder)/\(name)-\(ranks)", method: method).replacing(
      "network: {name: unet3d, base: 2}\n", with: ""
    ).write(toFile: file, atomically: true, encoding: .utf8)
    let command = ["train", file] + Self.all + overrides
    return ranks == 1
      ? try runAlone(command, timeout: 120, environment: environment, executable: "cohort")
      : try mpirun(ranks, command, timeout: 120, executable: "cohort")
  }

  @Test(arguments: [
    ["method.dice=batch"], ["method.dice=sample", "method.regions=1,2;2"], ["method.dice=batch", "method.regions=1,2;2"],
  ])
  func everythingEndsInTheSameBytes(options: [String]) throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder + "/packs")
      for ranks in [1, 3] {
        let (status, output) = try train(ranks, "run", in: folder, options)
        try #require(status == 0, "\(output)")
      }
      let (status, output) = try runAlone(["checkpoint-compare", "\(folder)/run-1", "\(folder)/run-3"])
      #expect(status == 0 && output.contains("step 3") && output.contains("difference 0.0"), "\(output)")
      let lines = try MetricsFile(run: "\(folder)/run-3").lines.filter { $0.kind == "step" }
      #expect(lines.count == 3 && lines.allSatisfy { $0.numbers["dice"]! < 0 && $0.numbers["crossEntropy"]! > 0 })
    }
  }

  /// Patches of the held-out case, their moving mean and the best checkpoint by it: on one rank and on three, and in a run that was killed.
  @Test func theBestStateGoesByTheMovingMeanOfPatches() throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder + "/packs")
      let options = [
        "steps=6", "validation.every=1", "validation.patches=5", "validation.smoothing=0.9", "validation.cases=[case-b]",
        "checkpoint.every=2", "optimizer.learningRate=0.1",
      ]
      for (name, ranks) in [("whole", 1), ("whole", 3), ("killed", 1)] {
        if name == "killed" {
          let (status, _) = try train(1, name, in: folder, options, environment: ["COHORT_FAULT": "kill:rank=0,step=5"])
          #expect(status != 0)
        }
        let (status, output) = try train(ranks, name, in: folder, options)
        try #require(status == 0 && output.contains("on 5 patches of 1 validation cases, moving mean"), "\(output)")
      }
      func scores(_ run: String) throws -> [[String: Double]] {
        try MetricsFile(run: "\(folder)/\(run)").lines.filter { $0.kind == "validation" }.map(\.numbers)
      }
      let whole = try scores("whole-1"), dice = whole.map { $0["dice"]! }, means = whole.map { $0["dice.smoothed"]! }
      try #require(whole.count == 6)
      var mean = dice[0]
      for (found, wanted) in zip(means.dropFirst(), dice.dropFirst()) {
        mean = 0.9 * mean + 0.1 * wanted
        // The file's numbers are rounded.
        #expect(abs(found - mean) < 1e-12)
      }
      let best = try CheckpointStore.locate("\(folder)/whole-1/best")
      #expect(best.hasSuffix("step-0000000\(1 + means.firstIndex(of: means.max()!)!)"), "\(best) \(means)")
      for other in ["whole-3", "killed-1"] {
        #expect(try scores(other) == whole)
        let states = try [best, CheckpointStore.locate("\(folder)/\(other)/best")].map { try CheckpointStore.load(path: $0) }
        #expect(states[0].step == states[1].step && states[0]["student"] == states[1]["student"] && states[0]["student"] != nil)
      }
      let error = #expect(throws: ClusterError.self) { try CheckpointStore.locate(folder + "/packs/best") }
      #expect(error?.description.contains("names no checkpoint best") == true)
    }
  }

  /// Packs of a plan that normalised in the object alone, by a version that did not keep where the object is: the same bytes as of packs that need not tell.
  @Test func packsWithoutTheObjectTrainAsTheyDid() throws {
    try withTemporaryFolder { folder in
      let planned = #"""
        {"axes":{"start":"canonical","transpose":[0,1,2]},"channels":[{"scheme":"ZScoreNormalization","usesMask":true}],"keepsSliceSpacing":false}
        """#
      for (name, planned) in [("earlier", planned), ("plain", nil)] {
        try TinyCohort.write(to: folder + "/packs", planned: planned)
        let index = try String(contentsOfFile: folder + "/packs/packs.json", encoding: .utf8)
        #expect(
          !index.contains("insideChecksum") && !index.contains("marksObject") && index.contains("usesMask") == (planned != nil))
        let (status, output) = try train(1, name, in: folder, [])
        try #require(status == 0, "\(output)")
        try FileManager.default.removeItem(atPath: folder + "/packs")
      }
      let (status, output) = try runAlone(["checkpoint-compare", "\(folder)/earlier-1", "\(folder)/plain-1"])
      #expect(status == 0 && output.contains("difference 0.0"), "\(output)")
    }
  }

  @Test func aPriorOfWholeVolumesIsRefused() throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder + "/packs")
      let (status, output) = try train(1, "prior", in: folder, ["prior.kind=atlas"], method: "prior-only")
      #expect(
        status == 3 && output.contains("augmentation.kind: nnunet turns and scales crops, and prior.kind: atlas"), "\(output)")
    }
  }
}
