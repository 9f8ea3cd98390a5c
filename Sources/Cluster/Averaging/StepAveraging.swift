// The averages of a step while they are made: this rank's lanes but the last are added one after the other, and during the backward
// pass of the last one each bucket goes to the communication thread as soon as its gradients are complete, in the order of the plan,
// which is the same on all ranks.

import MPI
import Tensors

/// Averages over all lanes, step after step, in the order that `CoordinatedStep` keeps: `begin`; for each lane `addLane` or, for the last one,
/// `beginBackward`, `markReady`, `completeLastLane`; `wait`; `judge`. A step may average other modules than the one before.
package final class StepAveraging {
  /// The communication thread; nil on one rank.
  private let thread: CommunicationThread?
  private var averages: [LaneAverage] = []
  /// What is posted next: a bucket of an average.
  private var next = (average: 0, bucket: 0)
  /// Buckets of this step that were complete and went their way, in order.
  package private(set) var posted = 0

  /// Starts the communication thread. Collective.
  package init(over world: borrowing Communicator) throws(ClusterError) {
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
  package func begin(_ averages: [LaneAverage], lanes: Int) {
    self.averages = averages
    (next, posted) = ((0, 0), 0)
    for average in averages { average.begin(lanes: lanes, isAlone: thread == nil) }
  }

  /// After each lane of this rank but the last one.
  func addLane() { for average in averages { average.addLane() } }

  /// Records before the backward pass of each lane which arrays it gives a gradient.
  func markPresent(in tape: Tape) { for average in averages { average.markPresent(in: tape) } }

  /// Begins the backward pass of the last lane: arrays that it does not use are complete, such as the statistics of normalisations.
  package func beginBackward(of tape: Tape) {
    for average in averages { average.markUnusedReady(by: tape) }
    postReady()
  }

  /// Marks the gradient of a parameter as complete, during the backward pass of the last lane.
  package func markReady(_ parameter: Parameter) {
    for average in averages where average.markReady(parameter) { return postReady() }
  }

  /// Completes the last lane.
  func completeLastLane() {
    for average in averages { average.completeRest() }
    postReady()
  }

  /// Returns when all buckets are averaged. Until then the gradients of the last lane stay as they are.
  func wait() throws(ClusterError) -> CommunicationTimes {
    guard let thread else { return CommunicationTimes() }
    return try clustered { () throws(MPIError) in try thread.wait() }
  }

  /// The greatest magnitude of this rank in each average, as bits: to be made everyone's by the control word.
  var largestBits: [Int32] { averages.map(\.averager.largestBits) }

  /// Whether this rank's lanes gave each array of each average a gradient.
  var presentArrays: [Bool] { averages.flatMap(\.presentArrays) }

  /// Takes over the combined `presentArrays` of all ranks.
  func setPresentArrays(_ present: [Bool]) {
    var rest = present[...]
    for average in averages {
      average.presentArrays = Array(rest.prefix(average.presentArrays.count))
      rest = rest.dropFirst(average.presentArrays.count)
    }
  }

  /// Judges which of the averages are sound.
  /// - Parameter largestBits: the greatest of all ranks.
  func judge(largestBits: [Int32]) throws(ClusterError) -> [AveragingOutcome] {
    var outcomes: [AveragingOutcome] = []
    for (average, bits) in zip(averages, largestBits) {
      outcomes.append(try average.averager.judge(lanes: average.lanes, largestBits: bits))
    }
    return outcomes
  }

  /// Ends the communication after the last step. Collective.
  func close() throws(ClusterError) {
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
