// The frozen prior of a run, made in two parts: what methods are built with, before there are data; and what has to be computed
// from the volumes, once all ranks are there: embeddings, prototypes, an atlas, the calibration.

import Cluster
import Foundation
import MPI
import Methods
import Preparation
import Tensors
import Volumes

package final class PriorSetup {
  package let prior: any Prior
  private let configuration: RunConfiguration
  private let classes: Int
  private let store: CaseStore
  /// Nil for priors without a network.
  private let network: PriorNetwork?
  /// Nil unless the frame is canonical.
  private let embeddings: VolumeEmbeddings?

  /// - Parameter classes: K.
  /// - Returns: nil for `prior.kind: none`.
  package init?(_ configuration: RunConfiguration, classes: Int, store: CaseStore) throws {
    let kind = configuration.text("prior.kind")
    if kind == "none" { return nil }
    (self.configuration, self.classes, self.store) = (configuration, classes, store)
    let seed = configuration.seed, noise = configuration.number("prior.noise")
    let isCrop = configuration.text("prior.frame") == "crop"
    let needsNetwork = ["sam-med3d", "prototype"].contains(kind)
    let network = needsNetwork ? try PriorNetwork(checkpoint: configuration.text("prior.checkpoint")) : nil
    let plan = network?.network.plan
    let embeddings = isCrop ? nil : plan.map { VolumeEmbeddings(grid: $0.grid, channels: $0.promptDimension) }
    (self.network, self.embeddings) = (network, embeddings)
    switch kind {
    case "sam-med3d":
      let patch = (0..<3).map { configuration.patch[$0] }, prompt = PromptSource(rawValue: configuration.text("prior.prompt"))!
      guard prompt != .prototype || !isCrop else { throw Self.needsCanonical("prior.prompt: prototype") }
      let source: any EmbeddingSource =
        try embeddings ?? CropEmbedding(network!.network, patch: patch, noise: noise, seed: seed)
      prior = SAMPrior(network!.network, title: network!.title, source: source, prompt: prompt, seed: seed)
    case "prototype":
      guard let embeddings else { throw Self.needsCanonical("prior.kind: prototype") }
      prior = PrototypePrior(source: embeddings, tokenChannels: plan!.promptDimension)
    case "atlas": prior = AtlasPrior()
    default:
      prior = OraclePrior(noise: noise, classes: classes, seed: seed) { identifier throws(MethodError) in
        try store.volumeForMethods(identifier).label
      }
    }
  }

  private static func needsCanonical(_ what: String) -> TrainingError {
    TrainingError("\(what) needs the embeddings of whole volumes: set prior.frame: canonical.")
  }

  /// Computes what the prior goes by. Collective.
  /// - Parameters:
  ///   - lanes: the unlabelled cases of this rank's lanes.
  /// - Returns: the calibration's numbers for metrics.jsonl; empty where nothing is calibrated.
  package func prepare(
    _ split: DataSplit, lanes: Set<String>, over world: borrowing Communicator, console: Console
  ) throws -> [String: Double] {
    try embed(split, lanes: lanes, over: world, console: console)
    try together(over: world) { _ in
      switch prior {
      case let prior as PrototypePrior: prior.prototypes = try prototypes(split)
      case let prior as AtlasPrior: prior.atlas = try atlas(split)
      case let prior as SAMPrior:
        if prior.prompt == .prototype { prior.prototypes = try prototypes(split) }
        if prior.prompt == .atlas { prior.atlas = try atlas(split) }
      default: break
      }
    }
    guard let prior = prior as? SAMPrior else { return [:] }
    return try calibrate(prior, split, over: world, console: console)
  }

  private func embed(
    _ split: DataSplit, lanes: Set<String>, over world: borrowing Communicator, console: Console
  ) throws {
    guard let network, let embeddings else { return }
    let started = ContinuousClock.now, plan = network.network.plan
    let cache = EmbeddingCache(
      data: configuration.data, fallback: configuration.output, weights: network.weights,
      frame: CanonicalFrame(size: plan.imageSize, spacing: network.spacing), grid: plan.grid, channels: plan.promptDimension)
    let work = EmbeddingWork(
      network: network.network, cache: cache, reader: store.reader,
      identifiers: (split.labelled + split.unlabelled).sorted())
    let labelled = Set(split.labelled)
    let known = try work.run(
      into: embeddings, keeping: { labelled.contains($0) || lanes.contains($0) }, over: world, console: console)
    let seconds = (ContinuousClock.now - started).seconds.formatted(decimals: 1)
    console.say("prior: \(work.identifiers.count) embeddings by \(network.title), \(known) from the cache, \(seconds) s")
  }

  /// The labelled volumes as samples whose crop is the whole volume.
  private func wholeVolumes(_ split: DataSplit) throws -> [Sample] {
    try split.labelled.map { identifier in
      let volume = try store.reader.read(identifier)
      let place = CropPlace(volume: volume.extent, spacing: volume.spacing, crop: volume.extent, origin: [0, 0, 0])
      return Sample(identifier: identifier, draw: 0, label: volume.label, place: place)
    }
  }

  private func prototypes(_ split: DataSplit) throws -> Prototypes {
    try Prototypes(try wholeVolumes(split), classes: classes, from: embeddings!)
  }

  private func atlas(_ split: DataSplit) throws -> Atlas {
    let windows = try AtlasWindows(split.labelled, store: store)
    return try Atlas(try wholeVolumes(split), classes: classes, window: windows.window)
  }

  /// Rank 0 measures, all take up what it found.
  private func calibrate(
    _ prior: SAMPrior, _ split: DataSplit, over world: borrowing Communicator, console: Console
  ) throws -> [String: Double] {
    let asked = configuration.integer("prior.promptClip"), clips = asked > 0 ? [asked] : PriorCalibration.candidates
    let calibration = PriorCalibration(classes: classes, patch: configuration.patch, seed: configuration.seed)
    let measures = world.rank == 0
    var found = try together(over: world) { _ in
      guard measures else { return [Double](repeating: 0, count: 1 + clips.count) }
      let volumes = try split.labelled.prefix(PriorCalibration.volumes).map(store.reader.read)
      let (prompts, answers) = try calibration.dice(of: prior, clips: clips, volumes)
      return [prompts] + answers
    }
    try found.withUnsafeMutableBytes { try world.broadcast($0, from: 0) }
    let prompts = found.removeFirst()
    let best = clips.indices.max { found[$0] < found[$1] || found[$0] == found[$1] && $0 > $1 }!
    prior.promptClip = Double(clips[best])
    prior.reliability = PriorCalibration.reliability(dice: found[best])
    let list = zip(clips, found).map { "\($1.formatted(decimals: 3)) with prompts within ±\($0)" }.joined(separator: ", ")
    console.say(
      "prior: labels damaged to Dice \(prompts.formatted(decimals: 3)) are answered with \(list); "
        + "reliability \(prior.reliability.formatted(decimals: 2))")
    if prior.reliability == 0 {
      console.warn(
        "the prior's answers to damaged labels are wrong (Dice \(found[best].formatted(decimals: 3))), so it gets no weight: "
          + "check prior.checkpoint and that the volumes lie in RAS orientation, or set prior.kind: none.")
    }
    var numbers = ["reliability": prior.reliability, "promptClip": prior.promptClip, "dice.prompts": prompts]
    for (clip, dice) in zip(clips, found) { numbers["dice.clip\(clip)"] = dice }
    return numbers
  }
}
