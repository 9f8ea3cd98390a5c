// Training a network with a semi-supervised method: the work of nearly every stage. Data, method, prior and validation meet here.

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

public final class MethodWork: Work {
  public static let name = "train"
  public static let summary = "train a network with a method (`method`, `network`) on the volumes of `data`"

  public let method: any Method
  public let modules: [ModuleUpdate]
  public let split: DataSplit
  public let store: CaseStore
  public let segmenter: Segmenter
  public let description: ModelDescription
  public let warnings: [String]
  /// The prior's set-up; nil for methods that ask no prior, and for `prior.kind: none`.
  package let priorSetup: PriorSetup?
  package let loader: LaneLoader
  /// The unlabelled cases that the lanes of this rank draw.
  package let unlabelledOfLanes: Set<String>
  private let prior: NegatablePrior?
  /// What was loaded from network.weights; nil without.
  private let startingWeights: String?
  /// Estimates of Dice in place of held-out cases; nil where they are not asked for.
  private let estimatedValidation: EstimatedValidation?
  /// SAM's labels of unlabelled crops; nil where the stage has none.
  let pseudoLabels: StudentPseudoLabels?
  private let recipe: BatchRecipe
  private var console: Console?
  private let configuration: RunConfiguration
  private let rank: Int
  /// The unlabelled cases of each lane.
  let shards: [[String]]

  public convenience init(_ plan: StagePlan) throws { try self.init(plan, make: makeMethod) }

  /// - Parameters:
  ///   - make: builds the method; the catalogue's, unless a test brings its own.
  ///   - beside: what the stage trains besides the method's networks.
  ///   - labels: labels unlabelled crops, in place of what the settings name.
  public init(
    _ plan: StagePlan, make: (String, MethodPlan) throws -> any Method, beside: [TrainedModule] = [],
    labels: (CaseStore) throws -> StudentPseudoLabels? = { _ in nil }
  ) throws {
    let configuration = plan.configuration
    (self.configuration, rank) = (configuration, plan.rank)
    store = try CaseStore(folder: configuration.data, budget: Int(ProcessInfo.processInfo.physicalMemory / 4) / plan.ranksOnHost)
    let index = store.index
    warnings = try dataWarnings(of: index, in: configuration.data)
    try configuration.check(index)
    var description = try ModelDescription(configuration, index)
    priorSetup = try PriorSetup(ifAskedBy: configuration, classes: description.classNames.count, store: store)
    prior = priorSetup.map { NegatablePrior($0.prior) }
    description.record(prior: prior?.title, data: configuration.data, cases: index.entries.map(\.identifier))
    method = try make(configuration.methodName, MethodPlan(configuration, description, index, prior))
    description.predictor = try method.predictorVector()
    startingWeights = try configuration.startingWeights(of: method, description.network, description.plan)
    self.description = description
    try description.check(patch: configuration.patch, divisor: method.predictor.divisor)
    pseudoLabels = try labels(store) ?? StudentPseudoLabels(configuration, store)
    recipe = (pseudoLabels == nil ? method.recipe : method.recipe.withUnlabelled)
      .with(labelled: configuration.labelledSamples, unlabelled: configuration.unlabelledSamples)
    split = try DataSplit(
      index, validation: configuration.validation, choice: configuration.labelledChoice,
      needsUnlabelled: recipe.unlabelledCount > 0, data: configuration.data)
    let lanePlan = plan.lanePlan, split = split
    shards = (0..<lanePlan.lanes).map { lanePlan.shard(lane: $0, of: split, seed: configuration.seed) }
    unlabelledOfLanes = Set(shards[plan.lanes].joined())
    estimatedValidation = try EstimatedValidation(configuration, split, lanes: unlabelledOfLanes, store)
    loader = LaneLoader(
      store: store, sampler: PatchSampler(configuration, index), recipe: recipe, split: split, shards: shards,
      sampling: configuration.unlabelledSampling, seed: configuration.seed,
      biasField: SOBFPreset(rawValue: configuration.biasField).map(SOBF.init(preset:)))
    segmenter = Segmenter(
      networks: [method.predictor], patch: configuration.patch, classes: description.classNames.count,
      regions: description.regions, overlap: configuration.windowOverlap, weighting: configuration.windowWeighting,
      placement: configuration.placement)
    modules = try configuration.updates(of: method.trained + beside)
    if pseudoLabels != nil, configuration.layout == .network {
      throw TrainingError("pseudoLabels.kind teaches the first of two students alone: set layout: data.")
    }
  }

  public var carried: [CarriedVector] { method.carried + (pseudoLabels?.carried ?? []) }
  public var samplesPerStep: Int { configuration.lanes * (recipe.labelledCount + recipe.unlabelledCount) }

  public var title: String {
    "\(description.method) with \(description.network), \(millionParameters.formatted(decimals: 2)) M parameters; "
      + "patch \(configuration.patch); \(split.labelled.count) labelled, \(split.unlabelled.count) unlabelled, "
      + "\(split.test.count) test volumes; prior: \(prior?.title ?? "none")"
  }

  public var metadata: [String: String] {
    ["model": description.json, Self.dataKey: dataRecord.text].merging(pseudoLabels?.metadata ?? [:]) { $1 }
  }
  static let dataKey = "data"
  private var dataRecord: DataRecord { DataRecord(split, store.index) }

  /// Checkpoints of earlier versions do not tell: nothing has changed as far as is known.
  public func dataChanges(since metadata: [String: String]) throws -> [String] {
    metadata[Self.dataKey].flatMap { DataRecord(text: $0) }.map { dataRecord.changes(since: $0) } ?? []
  }

  public func check(metadata: [String: String]) throws {
    try pseudoLabels?.check(metadata: metadata)
    var saved = try ModelDescription(json: metadata["model"] ?? "", from: configuration.output)
    // Checkpoints of earlier versions do not name the predictor, and neither mirror images nor places of patches change what the data are.
    saved.predictor = saved.predictor ?? description.predictor
    (saved.mirrored, saved.placement) = (description.mirrored, description.placement)
    guard saved == description else {
      throw TrainingError(
        "\(configuration.output) was trained on data that were prepared differently from \(configuration.data): "
          + "use that data again, or start a new run with another output folder.")
    }
  }

  public func prepare(over world: borrowing Communicator, console: Console) throws -> [String: Double] {
    self.console = console
    if let startingWeights { console.print(startingWeights) }
    try pseudoLabels?.prepare(split, lanes: unlabelledOfLanes, over: world, console: console)
    guard let priorSetup else { return [:] }
    Flight.mark(.prior)
    return try priorSetup.prepare(split, lanes: unlabelledOfLanes, over: world, console: console)
  }

  public func batch(lane: Int, at step: Step) throws -> LaneBatch {
    laneBatch(try loader.batch(lane: lane, at: step), at: step)
  }

  public func rehearsalBatch(at step: Step) throws -> LaneBatch? {
    let patch = configuration.patch
    let shape = Shape([1, patch.depth, patch.height, patch.width, description.channelNames.count])
    // With undefined voxels: views that are made ahead are not made here.
    func samples(_ count: Int, _ views: [View], isLabelled: Bool) -> [Sample] {
      (0..<count).map { number in
        let images = Dictionary(uniqueKeysWithValues: Set(views + [.clean]).map { ($0, Tensor(uninitialized: shape)) })
        return Sample(
          identifier: "rehearsal", draw: UInt64(number), views: images,
          label: isLabelled ? [UInt8](repeating: 0, count: shape.rows) : nil)
      }
    }
    var batch = Batch(
      labelled: samples(recipe.labelledCount, recipe.labelled, isLabelled: true),
      unlabelled: samples(recipe.unlabelledCount, recipe.unlabelled, isLabelled: false))
    if configuration.layout == .network { batch.partner = .echo(network: RankLayout.network(ofRank: rank)) }
    return laneBatch(batch, at: step)
  }

  private func laneBatch(_ batch: Batch, at step: Step) -> LaneBatch {
    let opposite = prior.map { prior in
      { [method] in
        prior.isNegated = true
        defer { prior.isNegated = false }
        return try method.loss(batch, at: step, on: Tape(recording: false))
      }
    }
    let counts = { [method] in try method.counts(batch, at: step) }
    let loss = { [method, pseudoLabels] (tape: Tape, sums: LaneSums?, partner: Partner?) in
      var batch = batch
      batch.sums = sums
      batch.partner = partner ?? batch.partner
      var terms = try method.loss(batch, at: step, on: tape)
      pseudoLabels?.add(to: &terms, batch, method.predictor, at: step, on: tape)
      return terms
    }
    return LaneBatch(counts: method.countsBatches ? counts : nil, loss: loss, oppositeLoss: opposite)
  }

  public var countsBatches: Bool { method.countsBatches }
  public func updated(at step: Step) -> [Int] { method.updated(at: step) }
  public func afterUpdate(at step: Step) { method.afterUpdate(at: step) }

  public func validate(over world: borrowing Communicator) throws -> StageScores {
    if let warning = try pseudoLabels?.warning(over: world) { console?.warn(warning) }
    if let estimatedValidation {
      return StageScores(
        try estimatedValidation.scores(over: world, labels: segmenter.labels), split, names: store.index.labels.structureNames)
    }
    let patches = configuration[ValidationKeys.patches]
    if patches == 0 { return try StageScores(volumesOf: split, store, over: world, labels: segmenter.labels) }
    let scores = try ValidationScores(
      patches: patches, of: split.validation, store, loader.sampler, batch: configuration.lanes, over: world,
      labels: segmenter.labels(ofPatch:channels:))
    return StageScores(scores, split, names: store.index.labels.structureNames)
  }

  /// Copies tensors of the same name and shape from the networks of the stage before, trained or carried.
  public func takeOver(from earlier: any Work) throws -> String {
    let learned = try pseudoLabels?.takeOver(from: earlier)
    if let learned, !earlier.modules.contains(where: { $0.module.name == modules[0].module.name }) { return learned }
    guard configuration.start == .previous else { return "starts from weights of its own" }
    let sources = earlier.modules.map(\.module)
    var taken = 0, all = 0
    for module in modules.map(\.module) {
      guard let source = sources.first(where: { $0.name == module.name }) else {
        let body = takeBody(module, of: sources)
        (taken, all) = (taken + body, all + (body > 0 ? module.parameters.parameters.count : 0))
        continue
      }
      for (to, from) in [
        (module.parameters, Optional(source.parameters)), (module.statistics?.buffers, source.statistics?.buffers),
      ] {
        guard let to else { continue }
        all += to.parameters.count
        taken += from.map { to.takeValues(of: $0) } ?? 0
      }
    }
    guard taken > 0 else {
      throw TrainingError(
        "the stage before left no tensor that fits the networks of this one: use the same network, or set start: fresh.")
    }
    for vector in carried {
      if let source = earlier.carried.first(where: { $0.name == vector.name && $0.values.count == vector.values.count }) {
        vector.values.pointer.update(from: source.values.pointer, count: vector.values.count)
      } else if let student = modules.first?.module.parameters.values, vector.values.count == student.count {
        // A teacher that is new begins as its student.
        vector.values.pointer.update(from: student.pointer, count: student.count)
      }
    }
    return "goes on with \(taken) of \(all) tensors of the stage before"
  }

  /// Lets a further student begin with the body of the first one, and with heads of its own: alike, neither could teach the other.
  /// - Returns: how many tensors were taken.
  private func takeBody(_ module: TrainedModule, of sources: [TrainedModule]) -> Int {
    guard let first = sources.first(where: { $0.name == modules[0].module.name }) else { return 0 }
    let heads = type(of: method.predictor).heads
    return module.parameters.takeValues(of: first.parameters) { !$0.hasPrefix(heads) }
  }
}

extension Method {
  /// The name under which checkpoints hold the parameters of the network that predicts.
  fileprivate func predictorVector() throws(MethodError) -> String {
    let values = predictor.parameters.values
    let names =
      trained.filter { $0.parameters === predictor.parameters }.map(\.name)
      + carried.filter { $0.values.storage === values.storage }.map(\.name)
    guard let name = names.first else {
      throw MethodError("method \(Self.name) predicts with a network that it neither trains nor carries: name it in one of both.")
    }
    return name
  }
}
