// The thread that averages buckets while the main thread computes: MPI moves data only inside its calls, so a non-blocking reduction
// of the main thread would wait for it (open-mpi/ompi issue 9759). It has a message space of its own and takes its work
// strictly in the order given, which is the same on all ranks.
//
// MPI allows one thread at a time (`MPI_THREAD_SERIALIZED`): from the first `post` to the return of `wait` the main thread calls no
// MPI function.

import Foundation
import Kernels
import MPI

/// Seconds that this rank spent on averaging in one step.
public struct CommunicationTimes: Sendable, Equatable {
  /// The time from when all ranks had come to a bucket until it was averaged, summed.
  public var communication = 0.0
  /// The part of it during which the main thread had nothing left to do.
  public var exposed = 0.0
  /// The rest of the main thread's waiting time: for other ranks.
  public var waited = 0.0

  public init() {}
}

/// A thread for `LaneAverage.reduce`. One for each process, on more than one rank.
final class CommunicationThread: @unchecked Sendable {
  private var communicator: Communicator
  private let condition = NSCondition()
  // The rest is guarded by the condition's lock.
  private var queue: [(average: LaneAverage, bucket: Int)] = []
  private var isBusy = false, isClosing = false, hasEnded = false
  private var failure: MPIError?
  /// Seconds of the machine's clock.
  private var transfers: [ClosedRange<Double>] = []

  /// Starts the thread with its own message space. Collective.
  /// - Parameter color: the same on the ranks that average together.
  init(over world: borrowing Communicator, color: Int) throws(MPIError) {
    communicator = try world.split(color: color)
    let thread = Thread { [self] in work() }
    thread.name = "reductions"
    thread.start()
  }

  /// Asks for the average of a bucket. All ranks ask for the same ones in the same order.
  func post(_ bucket: Int, of average: LaneAverage) {
    condition.withLock {
      queue.append((average, bucket))
      condition.broadcast()
    }
  }

  /// Returns when all that was posted is averaged.
  func wait() throws(MPIError) -> CommunicationTimes {
    let began = now()
    let (failure, transfers) = condition.withLock {
      while isBusy || !queue.isEmpty { condition.wait() }
      defer { self.transfers = [] }
      return (self.failure, self.transfers)
    }
    if let failure { throw failure }
    var times = CommunicationTimes()
    for transfer in transfers {
      times.communication += transfer.upperBound - transfer.lowerBound
      times.exposed += max(0, transfer.upperBound - max(transfer.lowerBound, began))
    }
    times.waited = now() - began - times.exposed
    return times
  }

  /// Ends the thread and frees its message space. Collective, after `wait`.
  func close() throws(MPIError) {
    condition.withLock {
      isClosing = true
      condition.broadcast()
      while !hasEnded { condition.wait() }
    }
    try communicator.free()
  }

  private func work() {
    Threads.askForShortSlices()
    while let (average, bucket) = next() {
      var began = now(), ended = began
      do throws(MPIError) {
        try communicator.barrier()
        began = now()
        try average.reduce(bucket: bucket, over: communicator)
        ended = now()
      } catch {
        condition.withLock { failure = failure ?? error }
      }
      condition.withLock {
        transfers.append(began...max(began, ended))
        isBusy = false
        condition.broadcast()
      }
    }
  }

  /// The next piece of work; nil when the thread is to end.
  private func next() -> (average: LaneAverage, bucket: Int)? {
    condition.withLock {
      while queue.isEmpty && !isClosing { condition.wait() }
      if queue.isEmpty {
        hasEnded = true
        condition.broadcast()
        return nil
      }
      isBusy = true
      return queue.removeFirst()
    }
  }

  private func now() -> Double { Double(DispatchTime.now().uptimeNanoseconds) * 1e-9 }
}
