// SFR+ in rounds (Li et al., arXiv:2403.11229, section III.D): the student trains on SAM's labels; then its confidence decides which volumes
// teach SAM, which trains on their canvases and labels the volumes again. In a round SAM's labels stand still, so that all ranks can share
// them and a round can be resumed.

import Cluster
import Foundation
import Learning
import MPI
import Methods
import Preparation
import Tensors
import Volumes

public final class Alternation: Work, StudentWithSAM {
  public static let name = "sfr-plus"
  public static let summary =
    "train a student and SAM in rounds; rank 0 decides by the student's confidence which volumes teach SAM (`confidence`)"

  let pair: StudentAndSAM
  private let turns: Turns
  private var decision = RoundDecision(round: 0, labels: "")
  /// The student's labels of the confident volumes of this rank.
  private var studentLabels: [String: [UInt8]] = [:]
  /// SAM's labels of this rank's volumes.
  private var samLabels: [String: [UInt8]] = [:]
  private var console: Console?
  private var sides: SideCheck
  private let lastRound: Int

  public init(_ plan: StagePlan) throws {
    pair = try StudentAndSAM(plan)
    turns = Turns(plan.configuration)
    lastRound = turns.round(ofDecision: turns.decision(of: plan.configuration.steps - 1))
    sides = SideCheck(pair.schedule)
  }

  public func prepare(over world: borrowing Communicator, console: Console) throws -> [String: Double] {
    self.console = console
    try pair.setup.requireClasses(for: "work: sfr-plus")
    return try pair.student.prepare(over: world, console: console)
  }

  // MARK: Whose turn it is

  /// A turn of SAM in which no volume is confident is the student's.
  private func isSAMs(_ step: Int) -> Bool { turns.isSAMs(step) && decision.volumes.contains(where: \.isConfident) }

  public func round(of step: Int) -> Int? { turns.decision(of: step) }
  public func updated(at step: Step) -> [Int] { isSAMs(step.index) ? pair.samModules : pair.studentModules }
  public func afterUpdate(at step: Step) { if !isSAMs(step.index) { pair.student.afterUpdate(at: step) } }

  public func batch(lane: Int, at step: Step) throws -> LaneBatch {
    guard isSAMs(step.index) else { return try pair.student.batch(lane: lane, at: step) }
    var examples = Array(try pair.canvases.examples(lane: lane, at: step).prefix(1))
    if let example = try confidentExample(lane: lane, at: step) { examples.append(example) }
    return LaneBatch { [pair] tape in pair.fineTuningLoss(examples, on: tape) }
  }

  /// A canvas of one of the lane's confident volumes with the student's labels; nil if it has none.
  private func confidentExample(lane: Int, at step: Step) throws -> CanvasExample? {
    let confident = Set(decision.volumes.filter(\.isConfident).map(\.identifier))
    let candidates = (pair.shards[lane] ?? []).filter(confident.contains)
    if candidates.isEmpty { return nil }
    let identifier = CaseOrder(candidates, seed: pair.configuration.seed, stream: "confident lane \(lane)")[step.index]
    guard let labels = studentLabels[identifier] else {
      fatalError("no labels of the student for \(identifier): report this fault")
    }
    let draw = UInt64(step.index * pair.configuration.lanes + lane)
    return pair.canvases.example(label: labels, of: try pair.store.volume(identifier), draw: draw)
  }

  // MARK: Decisions

  public func decide(round: Int, over world: borrowing Communicator) throws -> String {
    guard round % 2 == 1 else { return try label(over: world) }
    var volumes = try score(over: world, round: round)
    let isLeader = world.rank == 0
    let text = try together(over: world) { _ -> String in
      guard isLeader else { return "" }
      let number = turns.round(ofDecision: round), threshold = pair.schedule.threshold(round: number, volumes.map(\.confidence))
      volumes = pair.schedule.partition(volumes, round: number)
      let decision = RoundDecision(round: number, labels: decision.labels, volumes: volumes)
      try ConfidenceFile.write(decision, threshold: threshold, run: pair.configuration.output)
      report(decision)
      return try decision.text
    }
    return try world.broadcast(text: text, from: 0)
  }

  /// Lets SAM label all volumes, unless it has not changed since.
  private func label(over world: borrowing Communicator) throws -> String {
    let configuration = pair.configuration
    let bank = PseudoLabelBank(key: pair.setup.labelKey(configuration), ofRun: configuration.output)
    _ = try VolumeLabelling(pair.setup, into: bank, pair.store, configuration).run(
      pair.cases, over: world, console: console ?? Console(rank: world.rank))
    return try RoundDecision(round: decision.round, labels: bank.key, volumes: decision.volumes).text
  }

  /// The confidence of the student, or of its teacher, in every unlabelled volume, each found by the rank of its lane, which keeps the labels.
  /// Collective.
  private func score(over world: borrowing Communicator, round: Int) throws -> [VolumeConfidence] {
    let all = pair.student.split.unlabelled, count = 3, bank = studentBank(round)
    var segmenter = pair.student.segmenter
    segmenter.networks = [pair.source.network]
    var numbers = [Double](repeating: 0, count: count * all.count)
    try together(over: world) { world in
      for (place, identifier) in all.enumerated() where samLabels[identifier] != nil {
        Flight.mark(.decision, detail: identifier)
        try StopSignal.check(while: "volumes were judged")
        let probabilities = segmenter.probabilities(of: try pair.store.volume(identifier))
        let found = PseudoLabelVolume(probabilities: probabilities, classes: pair.setup.classes)
        let confidence = VolumeConfidence(
          identifier, probabilities: probabilities, classes: pair.setup.classes, labels: found.labels, sam: samLabels[identifier]!
        )
        numbers.replaceSubrange(count * place..<count * (place + 1), with: confidence.numbers)
        if pair.schedule.mayPass(confidence) {
          try bank.write(found, of: pair.store.index.entry(identifier), rank: world.rank)
        }
      }
    }
    // Not their sum: several ranks may have the same volume.
    try world.allreduce(&numbers, .maximum)
    return all.enumerated().map { VolumeConfidence($1, numbers: numbers[count * $0..<count * ($0 + 1)]) }
  }

  /// The student's labels of a round's confident volumes.
  private func studentBank(_ round: Int) -> PseudoLabelBank {
    PseudoLabelBank(key: RoundDecision.studentBank(turns.round(ofDecision: round)), ofRun: pair.configuration.output)
  }

  /// Removes the banks that no checkpoint needs any more, as well.
  public func saved(afterSteps steps: Int) throws {
    try writeAdapters()
    try removeSupersededBanks(ofRun: pair.configuration.output, needed: decision.banks)
  }

  public func adopt(decision text: String, round: Int) throws {
    let decision = try RoundDecision(text: text), index = pair.store.index
    self.decision = decision
    sides.remember(decision.volumes)
    let bank = PseudoLabelBank(key: decision.labels, ofRun: pair.configuration.output)
    for identifier in pair.cases { samLabels[identifier] = try bank.read(index.entry(identifier)).labels }
    let confident = Set(decision.volumes.filter(\.isConfident).map(\.identifier))
    studentLabels = [:]
    if turns.isPartition(decision: round) {
      for identifier in pair.cases where confident.contains(identifier) {
        studentLabels[identifier] = try studentBank(round).read(index.entry(identifier)).labels
      }
    }
    let labelsConfident = pair.configuration[ConfidenceKeys.labelsConfident]
    pair.student.pseudoLabels?.give(samLabels.filter { labelsConfident || !confident.contains($0.key) })
  }

  /// Tells on rank 0 what was decided.
  private func report(_ decision: RoundDecision) {
    let volumes = decision.volumes, confident = volumes.count(where: \.isConfident)
    let agreement = volumes.reduce(0) { $0 + $1.agreement } / Double(max(1, volumes.count))
    console?.print(
      "round \(decision.round): \(confident) of \(volumes.count) volumes are confident and teach SAM (confidences "
        + "\(SideCheck.range(volumes))); SAM and student agree with Dice \(agreement.formatted(decimals: 3))")
    if let warning = sides.warning(volumes, isLastRound: decision.round == lastRound) { console?.warn(warning) }
  }
}

/// The turns of a stage: the student's first, then SAM's and the student's in each round. Before SAM's turn of round r comes decision 2r - 1,
/// which volumes teach it; before the student's decision 2r, SAM's labels.
package struct Turns {
  private let reTrain, fineTune: Int

  init(_ configuration: RunConfiguration) {
    self.init(reTrain: configuration[ConfidenceKeys.reTrainSteps], fineTune: configuration[ConfidenceKeys.fineTuneSteps])
  }

  package init(reTrain: Int, fineTune: Int) { (self.reTrain, self.fineTune) = (reTrain, fineTune) }

  /// The decision in force at a step.
  package func decision(of step: Int) -> Int {
    let rest = step - reTrain
    if rest < 0 { return 0 }
    let round = rest / (fineTune + reTrain) + 1
    return rest % (fineTune + reTrain) < fineTune ? 2 * round - 1 : 2 * round
  }

  package func isPartition(decision: Int) -> Bool { decision % 2 == 1 }
  package func isSAMs(_ step: Int) -> Bool { isPartition(decision: decision(of: step)) }
  package func round(ofDecision decision: Int) -> Int { (decision + 1) / 2 }
}
