// One optimiser step that all ranks take together: this rank's lanes run forward and backward, their gradients are averaged bucket by bucket while
// the last lane's backward pass goes on, and one control word settles what all ranks do next. Training, benchmarks and rehearsals are its clients.

import MPI
import Tensors

/// Takes steps of lanes that are spread over all ranks. Every rank makes one, for a stage.
///
/// MPI allows one thread at a time, and from the first gradient that is ready until all are averaged that is the communication thread. So what runs
/// in between, the body of the last lane, gets a `LanePass` and no communicator.
public final class CoordinatedStep {
  /// The number of steps in a row without a usable gradient after which a run gives up.
  public static let patience = 20

  /// The lanes of this rank.
  public let lanes: Range<Int>
  /// The number of lanes of all ranks.
  public let laneCount: Int
  /// The parts of this rank's time since the step began; clients add theirs.
  public let times = StepTimes()
  /// The rank that computes the other network on the same lanes; nil in the layout `data`.
  public var pair: RankPair? { averaging.pair }
  private let averaging: StepAveraging
  private var unusableSteps = 0

  /// Shares `laneCount` lanes out over the ranks. Collective.
  /// - Throws: if there are more ranks than lanes have work for.
  public init(laneCount: Int, layout: RankLayout = .data, over world: borrowing Communicator) throws(ClusterError) {
    lanes = try LanePlan(lanes: laneCount, ranks: world.size, layout: layout).lanes(ofRank: world.rank, of: world.size)
    self.laneCount = laneCount
    averaging = try StepAveraging(over: world, layout)
  }

  /// Takes one step. Collective.
  ///
  /// - Parameters:
  ///   - averages: what is averaged, in the order in which it is expected to be ready; the same on every rank of a network.
  ///   - received: what the ranks of the other network average, in the layout `network`.
  ///   - step: steps done, for messages and the flight record.
  ///   - stateHash: computes the hash of the state before the step, in the steps in which the ranks compare theirs; the same choice on every rank.
  ///   - requests: what this rank asks of all, called when its lanes are done.
  ///   - first: what comes before the lanes, while MPI may still be used: losses of the batch of all lanes exchange what they need. Collective.
  ///   - body: works on one lane: forward, then `LanePass.backward`. Returns the lane's numbers, losses first, as many on every lane.
  /// - Throws: what `body` throws, on this rank alone; on every rank alike, if the ranks' states differ.
  public func take(
    _ averages: [LaneAverage], received: [LaneAverage] = [], step: Int, over world: borrowing Communicator,
    stateHash: (() -> UInt64)? = nil,
    requests: () -> ControlFlags = { [] }, first: () throws -> Void = {}, lane body: (LanePass) throws -> [Double]
  ) throws -> StepOutcome {
    times.begin()
    let hash = stateHash?()
    try first()
    averaging.begin(averages, received: received, lanes: laneCount)
    let values = try lanes.map { lane in
      let pass = LanePass(lane: lane, isLast: lane == lanes.last, averaging: averaging, times: times)
      let values = try body(pass)
      pass.complete()
      return values
    }
    Flight.mark(.average)
    let communication = try times.measure(.average) { try averaging.wait() }
    var word = ControlWord(lanes: laneCount, valuesPerLane: values[0].count)
    // Both ranks of a pair have the same numbers of a lane: they count once.
    if pair?.network != 1 { for (lane, row) in zip(lanes, values) { word.set(row, lane: lane) } }
    word.times = times.summary(communication)
    (word.largestBits, word.presentArrays, word.replicaHash) = (averaging.largestBits, averaging.presentArrays, hash)
    word.flags = requests()
    Flight.mark(.control)
    let summary = try times.measure(.control) { try word.exchange(over: world) }
    try requireSameState(summary.replicaHashes, step: step, over: world)
    averaging.setPresentArrays(summary.presentArrays)
    let outcomes = try averaging.judge(largestBits: summary.largestBits)
    return StepOutcome(summary: summary, averages: outcomes, verdict: verdict(on: outcomes), seconds: times.sinceStart)
  }

  /// Ends the communication thread, after the last step. Collective.
  public func close() throws(ClusterError) { try averaging.close() }

  /// Every rank sees the same outcomes, so all come to the same verdict.
  private func verdict(on outcomes: [AveragingOutcome]) -> StepOutcome.Verdict {
    guard let bad = outcomes.first(where: { !$0.isUsable }) else {
      unusableSteps = 0
      return .update
    }
    unusableSteps += 1
    return unusableSteps < Self.patience ? .skip(outcomes.contains(.nonFinite) ? .nonFinite : bad) : .giveUp
  }
}

/// What came of a step; the same on every rank, but for the seconds.
public struct StepOutcome: Sendable {
  public enum Verdict: Sendable, Equatable {
    /// All averages are sound: move the parameters.
    case update
    /// An average is of no use, for the reason given: leave the parameters as they are.
    case skip(AveragingOutcome)
    /// `CoordinatedStep.patience` steps in a row were of no use.
    case giveUp
  }
  public let summary: ControlSummary
  public let averages: [AveragingOutcome]
  public let verdict: Verdict
  /// The duration of the step on this rank until the decision, seconds.
  public let seconds: Double
}

/// The work on one lane in one step: where its gradients go.
public struct LanePass {
  public let lane: Int
  fileprivate let isLast: Bool
  fileprivate let averaging: StepAveraging
  fileprivate let times: StepTimes

  /// Runs the backward pass of a lane from its weighted losses. In the last lane of a rank gradients are averaged as they become ready.
  public func backward(_ tape: Tape, from losses: [(Scalar, weight: Double)]) {
    averaging.markPresent(in: tape)
    if isLast { averaging.beginBackward(of: tape) }
    times.measure(.backward) { tape.backward(from: losses) { if isLast { averaging.markReady($0) } } }
  }

  /// Declares the gradient of a parameter complete, for passes without a tape: nothing more is added to it in this lane.
  public func markReady(_ parameter: Parameter) { if isLast { averaging.markReady(parameter) } }

  fileprivate func complete() {
    if isLast { averaging.completeLastLane() } else { averaging.addLane() }
  }
}
