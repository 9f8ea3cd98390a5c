// The stage between fine-tuning and re-training (SFR: Li et al., arXiv:2403.11229, section III.B, equation 3): SAM as the stage before left it
// labels every unlabelled volume, once. The labels go into a bank; a stage of one step that trains nothing. Where it is only timed, each of many
// steps labels a volume for each lane, and keeps nothing.

import Cluster
import Files
import Foundation
import Learning
import MPI
import Methods
import Preparation
import Reports
import Tensors
import Volumes

public final class PseudoLabelling: Work, LabelsVolumes {
  public static let name = "pseudo-label"
  public static let summary = "label the unlabelled volumes by the SAM of the stage before, for a stage with pseudo-labels"

  private let setup: SAMSetup
  private let store: CaseStore
  private let split: DataSplit
  private let configuration: RunConfiguration
  /// The unlabelled cases of this rank's lanes.
  private let shards: [Int: [String]]
  private let isMeasured: Bool
  private var labeller: SAMLabeller?
  /// Volumes of all ranks whose labels were there already.
  package private(set) var known = 0

  public init(_ plan: StagePlan) throws {
    let configuration = plan.configuration
    guard configuration.steps == 1 || plan.isMeasured else {
      throw TrainingError("work: pseudo-label takes one step: set steps: 1 in its stage.")
    }
    let store = try CaseStore(folder: configuration.data, budget: 0), index = store.index
    let setup = try SAMSetup(configuration, index)
    split = try DataSplit(
      index, validation: configuration.validation, choice: configuration.labelledChoice, needsUnlabelled: true,
      data: configuration.data)
    let split = split
    shards = Dictionary(
      uniqueKeysWithValues: plan.lanes.map { ($0, plan.lanePlan.shard(lane: $0, of: split, seed: configuration.seed)) })
    (self.setup, self.store, self.configuration, isMeasured) = (setup, store, configuration, plan.isMeasured)
  }

  var bank: PseudoLabelBank {
    PseudoLabelBank(key: setup.labelKey(configuration), data: configuration.data, fallback: configuration.output)
  }

  public var title: String { "pseudo-labels of \(split.unlabelled.count) volumes by \(setup.title)" }
  public var samplesPerStep: Int { isMeasured ? configuration.lanes : split.unlabelled.count }
  private var cases: [String] { Set(shards.values.joined()).sorted() }
  public var modules: [ModuleUpdate] { [] }
  public var carried: [CarriedVector] { [setup.carried] }
  public var metadata: [String: String] { setup.metadata }
  public func check(metadata: [String: String]) throws { try setup.check(metadata: metadata) }

  public func takeOver(from earlier: any Work) throws -> String {
    if setup.takeOver(from: earlier) { return "labels with the SAM of the stage before" }
    try setup.requireClasses(for: "work: pseudo-label")
    return "labels with the SAM of sam.checkpoint and sam.adapters"
  }

  public func prepare(over world: borrowing Communicator, console: Console) throws -> [String: Double] {
    try setup.requireClasses(for: "work: pseudo-label")
    let started = ContinuousClock.now
    if isMeasured {
      labeller = SAMLabeller(setup)
      return [:]
    }
    let labelling = VolumeLabelling(setup, into: bank, store, configuration)
    known = try labelling.run(cases, over: world, console: console)
    let seconds = (ContinuousClock.now - started).seconds.formatted(decimals: 1)
    console.print("pseudo-labels: \(split.unlabelled.count) volumes, \(known) of them were there, \(seconds) s")
    return try labelling.numbers(of: split.unlabelled, own: cases, over: world)
  }

  /// Nothing is trained.
  public func batch(lane: Int, at step: Step) throws -> LaneBatch {
    guard isMeasured, let labeller, let shard = shards[lane], !shard.isEmpty else { return LaneBatch { _ in LossTerms([]) } }
    let volume = try store.reader.read(shard[step.index % shard.count])
    return LaneBatch { [configuration] _ in
      _ = labeller.probabilities(
        volume: volume, overlap: configuration.windowOverlap, weighting: configuration.windowWeighting)
      return LossTerms([])
    }
  }

  /// Draws the labels of some of rank 0's volumes.
  public func saved(afterSteps steps: Int) throws {
    try VolumeLabelling(setup, into: bank, store, configuration).draw(cases, run: configuration.output)
  }

  /// SAM's own labels of the labelled volumes.
  public func validate(over world: borrowing Communicator) throws -> StageScores {
    try setup.validate(split, store, configuration, over: world)
  }
}

extension SAMSetup {
  /// Stands for SAM as it is now and for all that decides how volumes are labelled by it.
  func labelKey(_ configuration: RunConfiguration) -> String {
    var hash = StateHash()
    withExtendedLifetime(sam.trained.values) {
      hash.add(UnsafeBufferPointer(start: sam.trained.values.pointer, count: sam.trained.values.count))
    }
    hash.add(
      "\(file.weights) \(stitching) \(patch) \(classes) \(configuration.windowOverlap) \(configuration.windowWeighting)")
    return String(hash.value, radix: 16)
  }

  /// Dice of SAM's labels of the validation cases, or of the labelled ones. Collective.
  func validate(
    _ split: DataSplit, _ store: CaseStore, _ configuration: RunConfiguration, over world: borrowing Communicator
  ) throws -> StageScores {
    let labeller = SAMLabeller(self), classes = classes
    return try StageScores(volumesOf: split, store, over: world) { volume in
      argmaxLabels(
        labeller.probabilities(volume: volume, overlap: configuration.windowOverlap, weighting: configuration.windowWeighting),
        classes: classes)
    }
  }
}
