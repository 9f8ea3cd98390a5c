// One rank's failure is everyone's: agreeing on an error so that all ranks stop alike, and ending the job where they cannot.

import Foundation
import MPI

/// The exit codes of `cohort`, as the README documents them.
public enum ExitCode: Int32, Sendable, CaseIterable {
  case success = 0
  case configuration = 3
  case preflight = 4
  /// Saved; please requeue.
  case requeue = 75
  /// A rank was lost; starting again is sensible.
  case rankLost = 76
  case hang = 77
  /// Starting again is pointless.
  case fatal = 78
  case storage = 79
}

/// The error of the lowest rank that has one, on every rank; nil if none has. Collective.
public func agree(
  _ error: String?, over communicator: borrowing Communicator
) throws(MPIError) -> (rank: Int, message: String)? {
  // The lowest rank has the greatest number; 0 stands for no error.
  let urgency = error == nil ? 0 : UInt64(communicator.size - communicator.rank)
  let greatest = try communicator.allreduce(urgency, .maximum)
  guard greatest > 0 else { return nil }
  let rank = communicator.size - Int(greatest)
  return (rank, try communicator.broadcast(text: error ?? "", from: rank))
}

/// Runs `body` on every rank; if it throws on any, all throw the error of the lowest such rank. Collective.
///
/// `body` must make the same collective calls on every rank whether or not something fails in it.
public func together<Result>(
  over communicator: borrowing Communicator, _ body: () throws(ClusterError) -> Result
) throws(ClusterError) -> Result {
  let outcome: Swift.Result<Result, ClusterError>
  do throws(ClusterError) { outcome = .success(try body()) } catch { outcome = .failure(error) }
  var message: String? = nil
  if case .failure(let error) = outcome { message = error.description }
  if let failure = try clustered({ () throws(MPIError) in try agree(message, over: communicator) }) {
    let prefix = communicator.size > 1 ? "Rank \(failure.rank): " : ""
    throw ClusterError(prefix + failure.message, isShared: true)
  }
  return try outcome.get()
}

/// Prints rank, host, operation and cause on standard error and ends all ranks: with `code`, or, if MPI failed, as for a lost rank.
///
/// An error that every rank throws is printed by rank 0 alone, and one of communication after the watch has had time to name the rank whose death
/// it is the echo of.
public func reportAndAbort(_ error: any Error, code: ExitCode, over communicator: borrowing Communicator) -> Never {
  let isCommunication = error is MPIError || (error as? ClusterError)?.isCommunication == true
  if communicator.rank > 0, (error as? ClusterError)?.isShared == true { sleep(5) }
  guard let watch = JobWatch.current else {
    let place = communicator.size > 1 ? "rank \(communicator.rank) of \(communicator.size) on \(Communicator.hostName): " : ""
    JobEnd.say("\(place)\(error)")
    MPI.abort(code: code.rawValue)
  }
  if isCommunication { sleep(2) }
  watch.fail("\(error)", code: isCommunication ? .rankLost : code)
}
