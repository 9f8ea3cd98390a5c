// The averages of a step while they are made: this rank's lanes but the last are added one after the other, and during the backward
// walk of the last one each bucket goes to the communication thread as soon as its gradients are complete, in the order of the plan,
// which is the same on all ranks.

import MPI
import Tensors

/// Averages over all lanes, step after step. In each step: `begin`; for each lane `addLane` or, for the last one, `beginWalk`,
/// `note`, `completeLastLane`; `wait`; `judge`. A step may average other modules than the one before, as long as all ranks do so alike.
public final class StepAveraging {
  /// Nil on one rank.
  private let thread: CommunicationThread?
  private var averages: [LaneAverage] = []
  /// What is posted next: a bucket of an average.
  private var next = (average: 0, bucket: 0)
  /// Buckets of this step that were complete and went their way, in order.
  package private(set) var posted = 0

  /// Collective.
  public init(over world: borrowing Communicator) throws(ClusterError) {
    guard world.size > 1 else {
      thread = nil
      return
    }
    do throws(MPIError) { thread = try CommunicationThread(over: world) } catch { throw ClusterError(error.description) }
  }

  /// Before the first lane of a step.
  /// - Parameters:
  ///   - averages: in the order in which they are expected to be ready.
  ///   - lanes: of all ranks.
  public func begin(_ averages: [LaneAverage], lanes: Int) {
    self.averages = averages
    (next, posted) = ((0, 0), 0)
    for average in averages { average.begin(lanes: lanes, isAlone: thread == nil) }
  }

  /// After each lane of this rank but the last one.
  public func addLane() { for average in averages { average.addLane() } }

  /// Before the walk of the last lane: what it does not use is complete, such as what normalisations saw.
  public func beginWalk(of tape: Tape) {
    for average in averages { average.noteUnused(by: tape) }
    postReady()
  }

  /// During the walk of the last lane: nothing more is added to the gradient of this parameter.
  public func note(_ parameter: Parameter) {
    for average in averages where average.note(parameter) { return postReady() }
  }

  /// After the last lane.
  public func completeLastLane() {
    for average in averages { average.completeRest() }
    postReady()
  }

  /// Returns when all buckets are averaged. Until then the gradients of the last lane stay as they are.
  public func wait() throws(ClusterError) -> CommunicationTimes {
    guard let thread else { return CommunicationTimes() }
    return try clustered { () throws(MPIError) in try thread.wait() }
  }

  /// The greatest magnitude of this rank in each average, as bits: to be made everyone's by the control word.
  public var largestBits: [Int32] { averages.map(\.averager.largestBits) }

  /// Which of the averages are sound.
  /// - Parameter largestBits: the greatest of all ranks.
  public func judge(largestBits: [Int32]) throws(ClusterError) -> [AveragingOutcome] {
    var outcomes: [AveragingOutcome] = []
    for (average, bits) in zip(averages, largestBits) {
      outcomes.append(try average.averager.judge(lanes: average.lanes, largestBits: bits))
    }
    return outcomes
  }

  /// After the last step. Collective.
  public func close() throws(ClusterError) {
    guard let thread else { return }
    try clustered { () throws(MPIError) in try thread.close() }
  }

  private func postReady() {
    while next.average < averages.count {
      let average = averages[next.average]
      guard next.bucket < average.plan.buckets.count else {
        next = (next.average + 1, 0)
        continue
      }
      guard average.isComplete(next.bucket) else { return }
      thread?.post(next.bucket, of: average)
      next.bucket += 1
      posted += 1
    }
  }
}
