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

/// An error with the exit code of the program that it ends.
public protocol ExitCoded: Error {
  var exitCode: Int32 { get }
}

/// Runs `body` on every rank and returns what it returns; if it throws on any, all throw the error of the lowest such rank, whose name it bears
/// unless it is rank 0. Collective.
///
/// `body` makes the same collective calls on every rank whether or not something fails in it, or fails on some ranks only after the last of them.
public func together<Value>(
  over world: borrowing Communicator, _ body: (borrowing Communicator) throws -> Value
) throws(ClusterError) -> Value {
  let outcome: Result<Value, any Error>
  do { outcome = .success(try body(world)) } catch { outcome = .failure(error) }
  // The lowest rank has the greatest number; 0 stands for no error.
  var urgency = UInt64(0), failure: ClusterError?
  if case .failure(let error) = outcome {
    urgency = UInt64(world.size - world.rank)
    failure = ClusterError(error, on: world.rank)
  }
  return try clustered { () throws(MPIError) -> Result<Value, ClusterError> in
    let greatest = try world.allreduce(urgency, .maximum)
    guard greatest > 0 else { return outcome.mapError { ClusterError($0, on: 0) } }
    return .failure(ClusterError(shared: try world.broadcast(text: failure?.sharedText ?? "", from: world.size - Int(greatest))))
  }.get()
}

extension ClusterError {
  /// Any error of a rank's own, as all ranks will throw it.
  fileprivate init(_ error: any Error, on rank: Int) {
    let known = error as? ClusterError
    let place = rank > 0 && known?.isShared != true ? "rank \(rank) on \(Communicator.hostName): " : ""
    self.init(
      "\(place)\(error)", isShared: true, isNewerFormat: known?.isNewerFormat ?? false,
      isFolderLost: known?.isFolderLost ?? false,
      exitCode: (error as? any ExitCoded)?.exitCode ?? ExitCode.configuration.rawValue)
  }

  /// The error as it travels from rank to rank.
  fileprivate var sharedText: String { "\(exitCode) \(isNewerFormat) \(isFolderLost)\n\(description)" }

  fileprivate init(shared text: String) {
    let parts = text.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false),
      facts = parts[0].split(separator: " ")
    self.init(
      String(parts.last ?? ""), isShared: true, isNewerFormat: facts.dropFirst().first == "true",
      isFolderLost: facts.dropFirst(2).first == "true",
      exitCode: facts.first.flatMap { Int32($0) } ?? ExitCode.configuration.rawValue)
  }
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
    JobEnd.printError("\(place)\(error)")
    MPI.abort(code: code.rawValue)
  }
  if isCommunication { sleep(2) }
  watch.fail("\(error)", code: isCommunication ? .rankLost : code)
}
