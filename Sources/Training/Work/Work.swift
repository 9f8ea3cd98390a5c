// What a stage of a run does. The loop (`Train.swift`) does not depend on methods, priors or data: it takes steps, saves, stops and
// resumes whatever work a stage names. A new kind of work is one file and one line in `workCatalog`.

import Cluster
import Learning
import MPI
import Methods
import Preparation
import Tensors

/// Every kind of work, the default first. Add yours as one line.
public let workCatalog: [any Work.Type] = [
  MethodWork.self,
  Pretraining.self,
  SAMPretraining.self,
  FineTuning.self,
  PseudoLabelling.self,
  Relabelling.self,
  Alternation.self,
  OnlineAlternation.self,
]

/// What a work is made from: the settings of its stage, and which part of it falls to this rank.
public struct StagePlan {
  public let configuration: RunConfiguration
  let lanePlan: LanePlan
  /// The lanes of this rank.
  public let lanes: Range<Int>
  public let rank: Int
  public let ranks: Int
  /// The ranks that share this host's memory.
  public let ranksOnHost: Int
  /// Whether the steps of this stage are only timed: they may be any number, and need not leave anything.
  public let isMeasured: Bool

  public init(
    _ configuration: RunConfiguration, rank: Int, ranks: Int, ranksOnHost: Int = 1, isMeasured: Bool = false
  ) throws(ClusterError) {
    (self.configuration, self.rank, self.ranks, self.ranksOnHost) = (configuration, rank, ranks, ranksOnHost)
    self.isMeasured = isMeasured
    lanePlan = try LanePlan(lanes: configuration.lanes, ranks: ranks, layout: configuration.layout)
    lanes = lanePlan.lanes(ofRank: rank, of: ranks)
  }
}

/// A lane's batch, drawn and ready to be put through the networks.
public struct LaneBatch {
  private let terms: (Tape, LaneSums?, Partner?) throws -> LossTerms
  /// Computes them with the negated prior; nil where there is no prior.
  public let oppositeLoss: (() throws -> LossTerms)?
  /// Counts what the losses of all lanes need to know of this one; nil where they need nothing.
  package let counts: (() throws -> [Double])?

  public init(loss: @escaping (Tape) throws -> LossTerms, oppositeLoss: (() throws -> LossTerms)? = nil) {
    (terms, self.oppositeLoss, counts) = ({ tape, _, _ in try loss(tape) }, oppositeLoss, nil)
  }

  /// A batch whose losses may depend on what all lanes count, and on who computes the other of two networks.
  init(
    counts: (() throws -> [Double])?, loss: @escaping (Tape, LaneSums?, Partner?) throws -> LossTerms,
    oppositeLoss: (() throws -> LossTerms)? = nil
  ) {
    (terms, self.oppositeLoss, self.counts) = (loss, oppositeLoss, counts)
  }

  /// Computes the loss terms of the batch.
  /// - Parameters:
  ///   - sums: what all lanes counted; nil: this lane is alone.
  ///   - partner: who computes the other of two networks; nil: this rank computes all.
  public func loss(_ tape: Tape, _ sums: LaneSums? = nil, _ partner: Partner? = nil) throws -> LossTerms {
    try terms(tape, sums, partner)
  }
}

/// A stage's work. Made alike on every rank; only the data that a rank loads differ. All state that the next step depends on lies in `modules`,
/// `carried` and the decision of the round, so that it can be saved, compared between ranks and resumed.
public protocol Work: AnyObject, SendableMetatype {
  /// The name in run files.
  static var name: String { get }
  /// One line for lists.
  static var summary: String { get }
  /// Whether the run file must name `data`.
  static var usesData: Bool { get }

  init(_ plan: StagePlan) throws

  /// One line for the beginning of the stage: what is trained on what.
  var title: String { get }
  /// The crops or scenes on which all lanes together train in a step.
  var samplesPerStep: Int { get }
  /// What is trained, in a fixed order, each with its optimiser.
  var modules: [ModuleUpdate] { get }
  /// State that is saved but not descended on: teachers, counts.
  var carried: [CarriedVector] { get }
  /// Texts beside the weights in a checkpoint: the model's description.
  var metadata: [String: String] { get }
  /// Throws if a checkpoint with this metadata belongs to another model.
  func check(metadata: [String: String]) throws
  /// How the data differ from those that a checkpoint with this metadata was trained on, a phrase for each case.
  func dataChanges(since metadata: [String: String]) throws -> [String]
  /// What people should know about the data, a sentence each.
  var warnings: [String] { get }

  /// Computes what the steps to come need of all ranks, such as embeddings. Collective, at each start.
  /// - Returns: numbers for metrics.jsonl, written before the first step.
  func prepare(over world: borrowing Communicator, console: Console) throws -> [String: Double]

  /// The round that a step belongs to, counted from 0, before whose first step `decide` is called; nil: there are no rounds.
  func round(of step: Int) -> Int?
  /// Decides, before the first step of a round, how all ranks go on: rank 0 may lead, and every rank returns the same text, which is compared
  /// between the ranks, saved in checkpoints and given to `adopt`. Collective.
  func decide(round: Int, over world: borrowing Communicator) throws -> String
  /// Goes on by the decision of a round: right after it was made, and when the run is resumed within the round.
  func adopt(decision: String, round: Int) throws

  /// The batch of a lane: a function of (seed, lane, step) and of the state.
  func batch(lane: Int, at step: Step) throws -> LaneBatch
  /// A batch of the same shapes, for the check of the memory that the last step takes; nil where that is not checked.
  func rehearsalBatch(at step: Step) throws -> LaneBatch?
  /// Whether the lanes' batches count something (`LaneBatch.counts`) before any of them goes backward; the same in every step.
  var countsBatches: Bool { get }
  /// Positions in `modules` of those that a step updates.
  func updated(at step: Step) -> [Int]
  /// Called after the optimisers, on every rank alike.
  func afterUpdate(at step: Step)

  /// Scores the state. Collective.
  func validate(over world: borrowing Communicator) throws -> StageScores
  /// Called after a checkpoint was saved, on rank 0: writes what the stage is for, if that is not the checkpoint.
  func saved(afterSteps steps: Int) throws
  /// Takes up what the stage before left, by the names of networks.
  /// - Returns: one line about what was taken, for the console.
  func takeOver(from earlier: any Work) throws -> String
}

extension Work {
  public static var usesData: Bool { true }
  public var carried: [CarriedVector] { [] }
  public var metadata: [String: String] { [:] }
  public func check(metadata: [String: String]) throws {}
  public func dataChanges(since metadata: [String: String]) throws -> [String] { [] }
  public var warnings: [String] { [] }
  public func prepare(over world: borrowing Communicator, console: Console) throws -> [String: Double] { [:] }
  public func round(of step: Int) -> Int? { nil }
  public func decide(round: Int, over world: borrowing Communicator) throws -> String { "" }
  public func adopt(decision: String, round: Int) throws {}
  public func rehearsalBatch(at step: Step) throws -> LaneBatch? { nil }
  public var countsBatches: Bool { false }
  public func updated(at step: Step) -> [Int] { Array(modules.indices) }
  public func afterUpdate(at step: Step) {}
  public func saved(afterSteps steps: Int) throws {}
  public func takeOver(from earlier: any Work) throws -> String { "starts afresh" }

  /// Moves what a step updates: optimisers with the averaged gradients, then what follows from them.
  func update(at step: Step) {
    for position in updated(at: step) { modules[position].apply(at: step) }
    afterUpdate(at: step)
  }

  /// The trained parameters, in millions.
  var millionParameters: Double { modules.reduce(0) { $0 + Double($1.module.parameters.count) } / 1e6 }
}

/// What a validation found.
public struct StageScores: Sendable, Equatable {
  /// The number by which the best checkpoint is chosen: higher is better.
  public let mean: Double
  /// Whether it comes from data that training does not see.
  public let isHeldOut: Bool
  /// One line for the console.
  public let text: String
  /// The kind of line in metrics.jsonl, and its numbers.
  public let kind: String
  public let numbers: [String: Double]
  /// Names and values for the table at the end of a run, and its heading.
  public let heading: String
  public let table: [(name: String, value: Double)]
  /// The scores case by case, with pictures; nil where no whole volumes were scored.
  public let cases: CaseTable?

  public init(
    mean: Double, isHeldOut: Bool, text: String, kind: String, numbers: [String: Double], heading: String,
    table: [(name: String, value: Double)], cases: CaseTable? = nil
  ) {
    (self.mean, self.isHeldOut, self.text, self.cases) = (mean, isHeldOut, text, cases)
    (self.kind, self.numbers, self.heading, self.table) = (kind, numbers, heading, table)
  }

  public static func == (one: StageScores, other: StageScores) -> Bool {
    one.mean == other.mean && one.numbers == other.numbers && one.kind == other.kind
  }
}
