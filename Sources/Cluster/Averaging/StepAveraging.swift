// The averages of a step while they are made: this rank's lanes but the last are added one after the other, and during the backward
// pass of the last one each bucket goes to the communication thread as soon as its gradients are complete, in the order of the plan,
// which is the same on all ranks.

import MPI
import Tensors

/// Averages over all lanes, step after step, in the order that `CoordinatedStep` keeps: `begin`; for each lane `addLane` or, for the last one,
/// `beginBackward`, `markReady`, `completeLastLane`; `wait`; `judge`. A step may average other modules than the one before.
package final class StepAveraging {
  /// The communication thread; nil where no other rank averages the same gradients.
  private let thread: CommunicationThread?
  /// The rank that averages other gradients over the same lanes; nil: all ranks average the same ones.
  let pair: RankPair?
  private var averages: [LaneAverage] = []
  /// What the other rank of the pair averages and gives this one.
  private var received: [LaneAverage] = []
  /// What is posted next: a bucket of an average.
  private var next = (average: 0, bucket: 0)
  /// Buckets of this step that were complete and went their way, in order.
  package private(set) var posted = 0

  /// Starts the communication thread. Collective.
  package init(over world: borrowing Communicator, _ layout: RankLayout = .data) throws(ClusterError) {
    do throws(MPIError) {
      let pair = layout == .network ? try RankPair(over: world) : nil
      let ranks = world.size / layout.ranksOfLane
      thread = ranks > 1 ? try CommunicationThread(over: world, color: pair?.network ?? 0) : nil
      self.pair = pair
    } catch { throw ClusterError(error.description) }
  }

  /// Before the first lane of a step.
  /// - Parameters:
  ///   - averages: in the order in which they are expected to be ready.
  ///   - received: what the other rank of the pair averages.
  ///   - lanes: of all ranks.
  package func begin(_ averages: [LaneAverage], received: [LaneAverage] = [], lanes: Int) {
    (self.averages, self.received) = (averages, received)
    (next, posted) = ((0, 0), 0)
    for average in all { average.begin(lanes: lanes, isAlone: thread == nil) }
  }

  /// The averages of all ranks, in the same order on each.
  private var all: [LaneAverage] { pair?.network == 1 ? received + averages : averages + received }

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
    try clustered { () throws(MPIError) in
      var times = try thread?.wait() ?? CommunicationTimes()
      guard let pair else { return times }
      let began = HostClock.seconds
      try pair.meet()
      let met = HostClock.seconds
      try pair.exchange(averages, for: received)
      times.waited += met - began
      times.communication += HostClock.seconds - met
      times.exposed += HostClock.seconds - met
      return times
    }
  }

  /// The greatest magnitude of this rank in each average, as bits: to be made everyone's by the control word.
  var largestBits: [Int32] { all.map(\.averager.largestBits) }

  /// Whether this rank's lanes gave each array of each average a gradient.
  var presentArrays: [Bool] { all.flatMap(\.presentArrays) }

  /// Takes over the combined `presentArrays` of all ranks.
  func setPresentArrays(_ present: [Bool]) {
    var rest = present[...]
    for average in all {
      average.presentArrays = Array(rest.prefix(average.presentArrays.count))
      rest = rest.dropFirst(average.presentArrays.count)
    }
  }

  /// Judges which of the averages are sound.
  /// - Parameter largestBits: the greatest of all ranks.
  func judge(largestBits: [Int32]) throws(ClusterError) -> [AveragingOutcome] {
    var outcomes: [AveragingOutcome] = []
    for (average, bits) in zip(all, largestBits) {
      outcomes.append(try average.averager.judge(lanes: average.lanes, largestBits: bits))
    }
    return outcomes
  }

  /// Ends the communication after the last step. Collective.
  func close() throws(ClusterError) {
    try clustered { () throws(MPIError) in
      try thread?.close()
      try pair?.close()
    }
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
