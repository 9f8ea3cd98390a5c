// The stage between two that train: the network of the first labels every unlabelled volume, and a new one learns from that (self-training with a restart:
// Lee, ICML workshop 2013; Xie et al., arXiv:1911.04252). A stage of one step that trains nothing. The labels lie in the run folder, since they are this
// run's alone.

import Cluster
import Foundation
import MPI
import Methods
import Networks
import Preparation
import Tensors
import Volumes

public final class Relabelling: Work, LabelsVolumes {
  public static let name = "relabel"
  public static let summary = "label the unlabelled volumes by the network of the stage before, for a stage with pseudo-labels"

  private let configuration: RunConfiguration
  private let store: CaseStore
  private let split: DataSplit
  private let description: ModelDescription
  private let network: any Network
  private let segmenter: Segmenter
  /// The unlabelled cases of this rank's lanes.
  private let cases: [String]

  public init(_ plan: StagePlan) throws {
    let configuration = plan.configuration
    guard configuration.steps == 1 || plan.isMeasured else {
      throw TrainingError("work: relabel takes one step: set steps: 1 in its stage.")
    }
    store = try CaseStore(folder: configuration.data, budget: 0)
    split = try DataSplit(
      store.index, validation: configuration.validation, choice: configuration.labelledChoice, needsUnlabelled: true,
      data: configuration.data)
    var description = try ModelDescription(configuration, store.index)
    description.predictor = Self.network
    network = try makeNetwork(description.network, description.plan)
    segmenter = Segmenter(
      networks: [network], patch: configuration.patch, classes: description.classNames.count, regions: description.regions,
      overlap: configuration.windowOverlap, weighting: configuration.windowWeighting, placement: configuration.placement)
    let split = split
    cases = Set(plan.lanes.flatMap { plan.lanePlan.shard(lane: $0, of: split, seed: configuration.seed) }).sorted()
    (self.configuration, self.description) = (configuration, description)
  }

  /// The name of the network in checkpoints.
  private static let network = "student"

  public var title: String { "labels of \(split.unlabelled.count) volumes by the \(description.network) of the stage before" }
  public var samplesPerStep: Int { split.unlabelled.count }
  public var modules: [ModuleUpdate] { [] }
  public var carried: [CarriedVector] {
    zip([Self.network, statisticsVector(Self.network)], network.state).map { CarriedVector($0, $1.values) }
  }
  public var metadata: [String: String] { ["model": description.json, StudentPseudoLabels.key: bank.key] }

  /// Stands for the network's weights and for how it looks at volumes.
  var bank: PseudoLabelBank {
    var hash = StateHash()
    for vector in carried {
      withExtendedLifetime(vector.values) {
        hash.add(UnsafeBufferPointer(start: vector.values.pointer, count: vector.values.count))
      }
    }
    hash.add("\(description.network) \(configuration.patch) \(configuration.windowOverlap) \(configuration.windowWeighting)")
    return PseudoLabelBank(key: "relabel-" + String(hash.value, radix: 16), ofRun: configuration.output)
  }

  public func takeOver(from earlier: any Work) throws -> String {
    guard let earlier = earlier as? MethodWork else {
      throw TrainingError("work: relabel needs a network: put a stage with work: train before it.")
    }
    let states = earlier.method.predictor.state
    guard states.count == network.state.count, zip(states, network.state).allSatisfy({ $0.count == $1.count }) else {
      throw TrainingError(
        "the stage before trained another network than that of work: relabel: set network for both, outside of the stages.")
    }
    for (own, trained) in zip(network.state, states) { own.load(trained.values.values) }
    return "labels with the network of the stage before"
  }

  public func prepare(over world: borrowing Communicator, console: Console) throws -> [String: Double] {
    let started = ContinuousClock.now, labelling = labelling
    let known = try labelling.run(cases, over: world, console: console)
    let seconds = (ContinuousClock.now - started).seconds.formatted(decimals: 1)
    console.print("pseudo-labels: \(split.unlabelled.count) volumes, \(known) of them were there, \(seconds) s")
    return try labelling.numbers(of: split.unlabelled, own: cases, over: world)
  }

  private var labelling: VolumeLabelling { VolumeLabelling(bank: bank, store: store, probabilities: segmenter.probabilities) }

  /// Nothing is trained.
  public func batch(lane: Int, at step: Step) throws -> LaneBatch { LaneBatch { _ in LossTerms([]) } }

  public func validate(over world: borrowing Communicator) throws -> StageScores {
    let scores = try ValidationScores(of: split.validation, store, over: world, labels: segmenter.labels)
    return StageScores(scores, split, names: store.index.labels.structureNames)
  }

  public func saved(afterSteps steps: Int) throws { try labelling.draw(cases, run: configuration.output) }
}
