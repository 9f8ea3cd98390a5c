// A SAM of 64 pixels with random weights for tests, and runs of SFR with it on the tiny cohort that take seconds.

import Cluster
import Foundation
import Learning
import Networks
import Tensors
import TestSupport
import Testing
import Training
import Volumes
import Weights

enum TinySAM {
  static let plan = SAMPlan(
    canvas: 64, patchSize: 8, embedding: 16, depth: 2, heads: 2, globalBlocks: [1], window: 4, promptDimension: 16, masks: 2,
    decoderHidden: 16, maskPromptChannels: 4)

  /// All arrays; those that begin as zeros are random, too.
  static func state(_ plan: SAMPlan = plan, seed: UInt64 = 3) -> [String: StoredTensor] {
    let set = ParameterSet(SAM.specification(plan), seed: seed)
    for parameter in set.parameters where parameter.name.contains("pos") && !parameter.name.contains("gaussian") {
      let key = RandomKey(seed).child(UInt64(parameter.offset))
      for index in 0..<parameter.shape.count { parameter.value.pointer[index] = Float(key.gaussian(UInt64(index))) * 0.3 }
    }
    return set.stateDict
  }

  /// Writes the network as a file without a description, as SAM's own checkpoint is.
  static func write(to path: String, _ plan: SAMPlan = plan, seed: UInt64 = 3) throws {
    try Safetensors.write(state(plan, seed: seed), to: path)
  }

  /// The network of a file with random LoRA, for other classes and on another canvas where these are given.
  static func adapted(
    _ file: SAMFile, classes: Int, rank: Int = 2, canvas: Int? = nil, seed: UInt64 = 1, isRandom: Bool = true
  ) throws -> AdaptedSAM {
    var plan = try file.plan.resized(canvas: canvas ?? file.plan.canvas)
    plan.masks = classes
    let sam = AdaptedSAM(plan, frozen: try file.frozenParameters(plan).parameters, rank: rank, seed: seed)
    try file.loadDecoder(into: sam, reusesMasks: false)
    for parameter in sam.trained.parameters where isRandom && parameter.name.hasPrefix("w_b_") {
      let key = RandomKey(seed).child(UInt64(parameter.offset))
      for index in 0..<parameter.shape.count { parameter.value.pointer[index] = Float(key.gaussian(UInt64(index))) * 0.2 }
    }
    return sam
  }

  /// Logits of a fixed picture.
  static func logits(_ network: SAM) -> [Float] {
    let side = network.plan.canvas, tape = Tape(recording: false)
    let image = Tensor(
      (0..<side * side).map { Float(RandomKey(8).gaussian(UInt64($0))) }, shape: [1, 1, side, side, 1])
    return network.logits(embedding: network.embedding(image, on: tape), on: tape).values
  }
}

/// Runs of SFR on a tiny cohort in `folder`.
struct SFRRuns {
  let folder: String
  /// The packs.
  let data: String

  /// Writes packs and a SAM.
  init(_ folder: String, data: String = "data", write: (String) throws -> Void = { try TinyCohort.write(to: $0) }) throws {
    (self.folder, self.data) = (folder, "\(folder)/\(data)")
    try write(self.data)
    try TinySAM.write(to: sam)
  }

  var sam: String { folder + "/sam.safetensors" }

  static let fineTune = "{name: fine-tune, work: fine-tune-sam, steps: 3, optimizer: {name: adamw, learningRate: 0.001}}"
  /// Fine-tuning, pseudo-labels, re-training: 7 steps.
  static let stages = [
    fineTune, "{name: pseudo-label, work: pseudo-label, steps: 1}",
    "{name: re-train, steps: 3, pseudoLabels: bank, method: {name: mean-teacher, consistency: all}}",
  ]
  /// Fine-tuning, then turns of 2 steps of the student and 1 of SAM: 10 steps.
  static let plusStages = [
    fineTune,
    "{name: turns, work: sfr-plus, steps: 7, method: mean-teacher, sfrPlus: {reTrain: 2, fineTune: 1}, "
      + "confidence: {schedule: quantile, share: 0.5, minimumForeground: 0}, "
      + "modules: {sam: {optimizer: {name: adamw, learningRate: 0.001}}}}",
  ]

  func configuration(_ output: String, _ stages: [String], _ overrides: [String] = []) throws -> RunConfiguration {
    let yaml = """
      data: \(data)
      output: \(folder)/\(output)
      patch: [16, 16, 32]
      network: {name: unet3d, base: 1}
      lanes: 3
      seed: 5
      sam: {checkpoint: \(sam), rank: 2, canvas: 128}
      fineTune: {turnCanvas: false}
      optimizer: {learningRate: 0.05}
      validation: {every: 0}
      checkpoint: {every: 0, keep: 20}
      stages:
      \(stages.map { "  - " + $0 }.joined(separator: "\n"))

      """
    return try RunConfiguration(yaml: yaml, source: "test", overrides: overrides)
  }

  func run(_ configuration: RunConfiguration) throws -> Run {
    try FileManager.default.createDirectory(atPath: configuration.output, withIntermediateDirectories: true)
    return try Run(configuration, rank: 0, ranks: 1)
  }

  /// Goes on with a run and brings it to its end, as the program does.
  @discardableResult func finished(_ run: Run) throws -> TrainingOutcome {
    let silent = Console(rank: 1)
    try resume(run, over: .alone, console: silent)
    try prepareStage(run, over: .alone, console: silent)
    return try train(run, over: .alone, console: silent)
  }

  /// Starts the program on some ranks.
  func start(
    _ configuration: RunConfiguration, ranks: Int = 1, environment: [String: String] = [:]
  ) throws -> (status: Int32, output: String) {
    let file = "\(folder)/\(UUID().uuidString).yaml"
    try configuration.yaml.write(toFile: file, atomically: true, encoding: .utf8)
    return ranks == 1
      ? try runAlone(["train", file], timeout: 120, environment: environment, executable: "cohort")
      : try mpirun(ranks, ["train", file], timeout: 120, environment: environment, executable: "cohort")
  }

  /// Volumes of ten slices, fewer than a crop has.
  static func writeThin(to folder: String) throws {
    let writer = try PackWriter(
      folder: folder, preparation: "thin", labels: LabelMeaning(classNames: ["background", "bright", "dim"]), channelNames: ["MR"]
    )
    let slices = 3..<13, slice = TinyCohort.extent.height * TinyCohort.extent.width
    let extent = Extent(slices.count, TinyCohort.extent.height, TinyCohort.extent.width)
    for (identifiers, role) in [
      (TinyCohort.labelled, CaseRole.labelled), (TinyCohort.unlabelled, .unlabelled), (TinyCohort.test, .test),
    ] {
      for identifier in identifiers {
        var volume = TinyCohort.phantom(identifier, role)
        let voxels = slices.lowerBound * slice..<slices.upperBound * slice
        (volume.extent, volume.image, volume.label) = (
          extent, Array(volume.image[voxels]), volume.label.map { Array($0[voxels]) }
        )
        volume.frame = CaseFrame(
          originalExtent: extent, originalSpacing: volume.spacing, cropStart: [0, 0, 0], cropExtent: extent,
          grid: FileGrid(canonical: extent, spacing: volume.spacing))
        try TinyCohort.add(volume, to: writer)
      }
    }
    _ = try writer.finish()
  }
}

/// Expects two runs to have trained and carried the same bytes.
func expectSameState(_ one: Run, _ other: Run, _ when: String) {
  #expect(one.stage.work.modules.count == other.stage.work.modules.count)
  for (a, b) in zip(one.stage.work.modules, other.stage.work.modules) {
    for (x, y) in zip(a.state, b.state) { #expect(x.tensor.values == y.tensor.values, "\(x.name) \(when)") }
  }
  for (a, b) in zip(one.stage.work.carried, other.stage.work.carried) {
    #expect(a.values.values == b.values.values, "\(a.name) \(when)")
  }
}
