// A run, set up and checked on every rank before its first step: data, lanes, method, optimisers, averagers.

import Cluster
import Foundation
import Kernels
import Learning
import MPI
import Methods
import Networks
import Preparation
import Tensors
import Volumes

/// Everything that the loop works with. Made alike on every rank; only the volumes that a rank loads differ.
public final class Run {
  public let configuration: RunConfiguration
  public let method: any Method
  /// Nil for methods that listen to no prior, and for `prior.kind: none`.
  package let priorSetup: PriorSetup?
  /// What the method was built with.
  let prior: NegatablePrior?
  public let split: DataSplit
  public let store: CaseStore
  public let segmenter: Segmenter
  public let description: ModelDescription
  /// The lanes of this rank.
  package let lanes: Range<Int>
  /// The unlabelled cases that these lanes draw.
  package let ownUnlabelled: Set<String>
  package let loader: LaneLoader
  let schedule: PolynomialSchedule
  func learningRate(at step: Int) -> Double {
    schedule.learningRate(at: step, of: configuration.steps, base: configuration.number("optimizer.rate"))
  }
  let modules: [ModuleUpdate]
  let checkpoints: CheckpointStore
  /// For drills and tests; nil otherwise.
  let fault: Fault?
  /// The time that the run has; rank 0 decides by it.
  var budget = TimeBudget()
  /// Nil where nobody watches.
  var observer: Observer?

  /// - Parameters:
  ///   - ranksOnHost: ranks that share this host's memory: prepared volumes may fill a quarter of it, shared out alike.
  ///   - make: builds the method; the catalogue's, unless a test brings its own.
  public init(
    _ configuration: RunConfiguration, rank: Int, ranks: Int, ranksOnHost: Int = 1,
    make: (String, MethodPlan) throws -> any Method = makeMethod
  ) throws {
    self.configuration = configuration
    fault = try Fault()
    let plan = try LanePlan(lanes: configuration.lanes, ranks: ranks)
    lanes = plan.lanes(ofRank: rank, of: ranks)
    store = try CaseStore(folder: configuration.data, budget: Int(ProcessInfo.processInfo.physicalMemory / 4) / ranksOnHost)
    let index = store.index
    var description = try ModelDescription(configuration, index)
    let methodName = configuration.text("method.name")
    let options = configuration.options(of: "method")
    let listens = methodCatalog.contains { $0.name == methodName && $0.usesPrior(options) }
    priorSetup = listens ? try PriorSetup(configuration, classes: description.classNames.count, store: store) : nil
    prior = priorSetup.map { NegatablePrior($0.prior) }
    description.note(prior: prior?.title, data: configuration.data, cases: index.entries.map(\.identifier))
    self.description = description
    method = try make(
      methodName,
      MethodPlan(
        networkName: description.network, network: description.plan, options: options, prior: prior))
    try description.check(patch: configuration.patch, divisor: method.predictor.divisor)
    split = try DataSplit(
      index, validation: configuration.texts("validation.cases"), limit: configuration.integer("labelled"),
      needsUnlabelled: !method.recipe.unlabelled.isEmpty, data: configuration.data)

    let unlabelled = split.unlabelled, seed = configuration.seed
    let shards = (0..<plan.lanes).map { plan.shard(lane: $0, of: unlabelled, seed: seed) }
    ownUnlabelled = Set(shards[lanes].joined())
    loader = LaneLoader(
      store: store,
      sampler: PatchSampler(
        patch: configuration.patch, seed: seed, foregroundShare: configuration.number("sampling.foreground"),
        augmentation: try configuration.augmentation()),
      recipe: method.recipe, labelled: split.labelled,
      shards: shards, seed: seed)
    schedule = PolynomialSchedule(ScheduleSettings(power: configuration.number("optimizer.power")))
    segmenter = Segmenter(
      network: method.predictor, patch: configuration.patch, classes: description.classNames.count,
      overlap: configuration.number("window.overlap"),
      weighting: WindowWeighting(rawValue: configuration.text("window.weighting"))!)
    let averager = try averager(named: configuration.text("reduction"))
    modules = method.trained.map { ModuleUpdate($0, configuration, averager: averager) }
    checkpoints = CheckpointStore(
      folder: configuration.output + "/checkpoints", keep: configuration.integer("checkpoint.keep"),
      keepEvery: configuration.integer("checkpoint.keepEvery"),
      backend: CheckpointBackend(rawValue: configuration.text("checkpoint.backend"))!)
  }
}

extension RunConfiguration {
  func augmentation() throws(TrainingError) -> PatchAugmentation {
    var axes: FlipAxes = []
    for name in texts("augmentation.axes") {
      switch name {
      case "D": axes.insert(.depth)
      case "H": axes.insert(.height)
      case "W": axes.insert(.width)
      default: throw TrainingError("augmentation.axes names the axis \"\(name)\": the axes are D, H and W.")
      }
    }
    return PatchAugmentation(PatchAugmentation.Kind(rawValue: text("augmentation.kind"))!, flipAxes: axes)
  }
}
