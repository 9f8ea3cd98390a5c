// A student and SAM that train in the same stage (SFR+: Li et al., arXiv:2403.11229, section III.D): what both ways to take turns have in common.

import Cluster
import Foundation
import Learning
import MPI
import Methods
import Preparation
import Tensors
import Volumes

/// The two, made alike on every rank.
final class StudentAndSAM {
  let student: MethodWork
  let setup: SAMSetup
  let canvases: CanvasLoader
  let configuration: RunConfiguration
  let schedule: ConfidenceSchedule
  /// Whose confidence counts.
  let source: ConfidenceSource
  /// The unlabelled cases of each lane of this rank.
  let shards: [Int: [String]]

  init(_ plan: StagePlan) throws {
    let configuration = plan.configuration
    let store = try CaseStore(folder: configuration.data, budget: 0), index = store.index
    let setup = try SAMSetup(configuration, index)
    let student = try MethodWork(plan, make: makeMethod, beside: [setup.module]) { StudentPseudoLabels(given: configuration, $0) }
    (self.configuration, self.setup, self.student, schedule) = (configuration, setup, student, ConfidenceSchedule(configuration))
    source = try ConfidenceSource(student, configuration[ConfidenceKeys.source])
    canvases = CanvasLoader(
      configuration, store: student.store, labelled: student.split.labelled, stitching: setup.stitching)
    shards = Dictionary(uniqueKeysWithValues: plan.lanes.map { ($0, student.shards[$0].sorted()) })
  }

  /// The unlabelled cases of this rank.
  var cases: [String] { Set(shards.values.joined()).sorted() }
  var store: CaseStore { student.store }
  /// The positions of the student's modules, and of SAM's behind them.
  var studentModules: [Int] { Array(student.modules.indices.dropLast()) }
  var samModules: [Int] { [student.modules.count - 1] }

  /// ½ (Dice + cross entropy) of SAM on canvases.
  func fineTuningLoss(_ examples: [CanvasExample], on tape: Tape) -> LossTerms {
    setup.loss(examples, leavingOutGaps: configuration[SFRKeys.leavesOutGaps], on: tape)
  }
}

/// A work of the two.
protocol StudentWithSAM: Work {
  var pair: StudentAndSAM { get }
}

extension StudentWithSAM {
  public var title: String { "\(pair.student.title), in turns with \(pair.setup.title)" }
  public var samplesPerStep: Int { pair.student.samplesPerStep }
  public var modules: [ModuleUpdate] { pair.student.modules }
  public var carried: [CarriedVector] { pair.student.carried }
  public var warnings: [String] { pair.student.warnings }
  public var metadata: [String: String] { pair.student.metadata.merging(pair.setup.metadata) { $1 } }

  public func check(metadata: [String: String]) throws {
    try pair.setup.check(metadata: metadata)
    try pair.student.check(metadata: metadata)
  }
  public func dataChanges(since metadata: [String: String]) throws -> [String] { try pair.student.dataChanges(since: metadata) }
  public func rehearsalBatch(at step: Step) throws -> LaneBatch? { try pair.student.rehearsalBatch(at: step) }
  public func validate(over world: borrowing Communicator) throws -> StageScores { try pair.student.validate(over: world) }

  /// SAM comes from the stage before; the student goes on where that trained it.
  public func takeOver(from earlier: any Work) throws -> String {
    let hasSAM = pair.setup.takeOver(from: earlier)
    try pair.setup.requireClasses(for: "work: sfr-plus")
    // SAM forgets what it was taught on canvases of another kind within some tens of steps.
    let isTaughtAlike = (earlier as? FineTuning).map { $0.canvases.settings == pair.canvases.settings } ?? true
    let hasStudent = earlier.modules.contains { $0.module.name == pair.student.modules[0].module.name }
    return "goes on with the SAM of \(hasSAM ? "the stage before" : "sam.checkpoint and sam.adapters")"
      + (isTaughtAlike ? "" : ", WITH OTHER fineTune KEYS THAN THERE: set fineTune outside of the stages, for both")
      + (hasStudent ? "; the student \(try pair.student.takeOver(from: earlier))" : "")
  }

  public func saved(afterSteps steps: Int) throws { try writeAdapters() }

  /// Writes LoRA and decoder in SAMed's format.
  func writeAdapters() throws {
    try AdapterFile.write(
      pair.setup.sam, base: pair.setup.file.weights, title: pair.setup.file.title,
      to: "\(pair.configuration.output)/sam.safetensors")
  }
}
