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
  private let configuration: RunConfiguration
  private let classes: Int
  private let store: CaseStore
  /// The prior's network; nil for priors without one.
  private let network: PriorNetwork?
  /// The embeddings of whole volumes; nil unless the frame is canonical.
  private let embeddings: VolumeEmbeddings?
  private let made: MadePrior
  package var prior: any Prior { made.prior }

  /// - Parameter classes: K.
  /// - Returns: nil for `prior.kind: none`.
  package init?(_ configuration: RunConfiguration, classes: Int, store: CaseStore) throws {
    guard let kind = priorCatalog.first(where: { $0.name == configuration.priorKind }) else { return nil }
    if kind.usesNetwork { try Self.requireCanonicalAxes(store.index) }
    let network = kind.usesNetwork ? try PriorNetwork(checkpoint: configuration.priorCheckpoint) : nil
    let plan = configuration.priorFrame == .canonical ? network?.network.plan : nil
    let embeddings = plan.map { VolumeEmbeddings(grid: $0.grid, channels: $0.promptDimension) }
    (self.configuration, self.classes, self.store) = (configuration, classes, store)
    (self.network, self.embeddings) = (network, embeddings)
    made = try kind.make(
      PriorParts(configuration: configuration, classes: classes, store: store, network: network, embeddings: embeddings))
  }

  /// Computes what the prior goes by. Collective.
  /// - Parameters:
  ///   - lanes: the unlabelled cases of this rank's lanes.
  /// - Returns: the calibration's numbers for metrics.jsonl; empty where nothing is calibrated.
  package func prepare(
    _ split: DataSplit, lanes: Set<String>, over world: borrowing Communicator, console: Console
  ) throws -> [String: Double] {
    try embed(split, lanes: lanes, over: world, console: console)
    let labelled = LabelledVolumes(identifiers: split.labelled, classes: classes, store: store)
    try together(over: world) { _ in try made.learn(labelled) }
    if let prior = made.registered { try register(prior, split, lanes: lanes, over: world, console: console) }
    guard let prior = made.calibrated else { return [:] }
    return try calibrate(prior, split, over: world, console: console)
  }

  /// Error: packs of a plan that exchanges axes. A network was trained on scans that all stand alike.
  private static func requireCanonicalAxes(_ index: PackIndex) throws(TrainingError) {
    guard let turned = index.entries.first(where: { !$0.frame.grid.isCanonical }) else { return }
    throw TrainingError(
      "The packs have the axes of \(turned.identifier) in the order of a plan, but the prior knows scans only with depth, height and width as they "
        + "are: prepare the data without --plan, or take prior.kind: none.")
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
    console.print("prior: \(work.identifiers.count) embeddings by \(network.title), \(known) from the cache, \(seconds) s")
  }

  private func register(
    _ prior: VolumeLabelPrior, _ split: DataSplit, lanes: Set<String>, over world: borrowing Communicator, console: Console
  ) throws {
    let labelling = RegistrationLabelling(configuration: configuration, store: store)
    let (bank, table) = try labelling.run(split, cases: lanes, over: world, console: console)
    prior.reliability = table.reliability
    try together(over: world) { _ in
      for identifier in lanes.sorted() {
        let volume = try bank.read(store.index.entry(identifier))
        if !volume.isSilent { prior.give(identifier, labels: volume.labels, certainty: volume.certainty) }
      }
    }
  }

  /// Rank 0 measures, all take up what it found.
  private func calibrate(
    _ prior: SAMPrior, _ split: DataSplit, over world: borrowing Communicator, console: Console
  ) throws -> [String: Double] {
    let asked = configuration.promptClip, clips = asked > 0 ? [asked] : PriorCalibration.candidates
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
    console.print(
      clauses: "prior: labels damaged to Dice \(prompts.formatted(decimals: 3)) are answered with \(list); "
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
