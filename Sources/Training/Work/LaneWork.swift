// One lane's part of a step: batch, loss terms, backward pass, and the numbers that go into the control word with their names.

import Cluster
import Learning
import MPI
import Methods
import Preparation
import Tensors

/// Computes the lanes of this rank for one stage.
final class LaneWork {
  private let stage: Stage
  private let times: StepTimes
  private let pair: RankPair?
  private(set) var termCheck: TermCheck
  private var now: Step
  /// The names of what every lane reports in the step.
  private var names: [String] = []
  /// The position of the first diagnostic among them.
  private var diagnosticsStart = 0
  /// The norms of lane 0's gradients by term, in the steps in which terms go backward one by one.
  private var gradientNorms: [String: Double] = [:]
  /// What the lanes of all ranks counted in the step, and the batches of this rank's lanes; empty where nothing is counted.
  private var sums: LaneSums?
  private var batches: [Int: LaneBatch] = [:]

  init(_ stage: Stage, _ step: CoordinatedStep, checksTerms: Bool) {
    (self.stage, times, pair, now) = (stage, step.times, step.pair, stage.next)
    termCheck = TermCheck(isOff: !checksTerms)
  }

  func begin(_ step: Step) { (now, names, gradientNorms, sums, batches) = (step, [], [:], nil, [:]) }

  /// The averages of a step that this rank makes, and those that it receives. The module that comes last in the forward pass is the first whose
  /// gradients are complete.
  func averages(at step: Step) -> (own: [LaneAverage], received: [LaneAverage]) {
    let updated = stage.work.updated(at: step), isOwn = { [pair] (position: Int) in pair == nil || pair?.network == position }
    func averages(_ positions: [Int]) -> [LaneAverage] { positions.reversed().flatMap { stage.work.modules[$0].averages } }
    return (averages(updated.filter(isOwn)), averages(updated.filter { !isOwn($0) }))
  }

  /// The rank that computes the other network on a lane.
  private func partner(lane: Int) -> Partner? {
    pair.map { [times] pair in
      Partner(network: pair.network) { bytes in
        Flight.mark(.exchange, detail: "lane \(lane)")
        defer { Flight.mark(.compute, detail: "lane \(lane)") }
        return try times.waiting { try pair.exchange(bytes) }
      }
    }
  }

  /// Lets the lanes of all ranks count their batches, where losses need that, before one of them goes backward. Collective.
  func count(_ lanes: Range<Int>, of laneCount: Int, over world: borrowing Communicator) throws {
    guard stage.work.countsBatches else { return }
    var rows: [[Double]] = []
    for lane in lanes {
      Flight.mark(.load, detail: "lane \(lane)")
      let batch = try times.measure(.load) { try stage.work.batch(lane: lane, at: now) }
      Flight.mark(.compute, detail: "lane \(lane)")
      rows.append(try times.measure(.forward) { try batch.counts?() ?? [] })
      batches[lane] = batch
    }
    Flight.mark(.control)
    sums = try times.measure(.control) { try LaneSums(rows, of: lanes, laneCount: laneCount, over: world) }
  }

  /// Works on one lane.
  /// - Returns: total loss, values and weights of its terms, diagnostics.
  func compute(_ pass: LanePass) throws -> [Double] {
    let lane = pass.lane
    Flight.mark(.load, detail: "lane \(lane)")
    let batch = try batches.removeValue(forKey: lane) ?? times.measure(.load) { try stage.work.batch(lane: lane, at: now) }
    Flight.mark(.compute, detail: "lane \(lane)")
    let isChecked = lane == 0 && termCheck.isDue(now)
    let opposite = isChecked && termCheck.wantsOpposite(at: now) ? try batch.oppositeLoss?() : nil
    for update in stage.work.modules { update.clear() }
    let tape = Tape(memory: stage.configuration.memory), partner = self.partner(lane: lane)
    let terms = try times.measure(.forward) { try batch.loss(tape, sums, partner) }
    if lane == 0 { termCheck.remember(terms) }
    if isChecked {
      let norms = try termCheck.look(terms, modules: stage.work.modules.map(\.module), tape: tape, partner)
      if TermCheck.isLogged(now) { gradientNorms = norms }
      if let opposite { termCheck.compare(terms, opposite: opposite) }
    }
    pass.backward(tape, from: terms.terms.map { ($0.scalar, weight: $0.weight) })
    return numbers(of: terms)
  }

  private func numbers(of terms: LossTerms) -> [Double] {
    let groups = terms.byName
    names = ["loss"] + groups.map(\.name) + groups.map { "weight." + $0.name } + terms.diagnostics.map(\.name)
    diagnosticsStart = 1 + 2 * groups.count
    return [terms.total] + groups.map(\.group.value) + groups.map(\.group.weight) + terms.diagnostics.map(\.value)
  }

  /// Means over all lanes by name. Diagnostics that are not a number do not count, nor do those that no lane has.
  func means(_ summary: ControlSummary) -> [String: Double] {
    let means = Dictionary(
      names.enumerated().compactMap { number, name -> (String, Double)? in
        let all = summary.laneValues.map { $0[number] }, values = number < diagnosticsStart ? all : all.filter { !$0.isNaN }
        return values.isEmpty ? nil : (name, values.reduce(0, +) / Double(values.count))
      }
    ) { first, _ in first }
    return means.merging(gradientNorms.map { ("gradient." + $0, $1) }) { first, _ in first }
  }

  /// The messages of the check of the terms after a step.
  func messages(after step: Int) -> [String] { termCheck.messages(after: step) }
}

extension LaneSums {
  /// Adds up the rows of all lanes in the order of lanes, so that the sums have the same bits on any number of ranks. Collective.
  /// - Parameter rows: of this rank's lanes, one each, all of one length.
  init(_ rows: [[Double]], of lanes: Range<Int>, laneCount: Int, over world: borrowing Communicator) throws {
    let width = rows[0].count
    // Each row is one rank's: adding the zeros of the others changes nothing.
    var table = [Double](repeating: 0, count: laneCount * width)
    for (lane, row) in zip(lanes, rows) { table.replaceSubrange(lane * width..<(lane + 1) * width, with: row) }
    try world.allreduce(&table, .sum)
    self.init(
      values: (0..<width).map { column in (0..<laneCount).reduce(0) { $0 + table[$1 * width + column] } }, lanes: laneCount)
  }
}
