// One bad file costs one file: cases are shared out over the ranks, what goes wrong with one is noted, and all that was noted is told at the end.

import Cluster
import Foundation
import MPI

/// A case that could not be done, and why.
public struct CaseFailure: Codable, Sendable, Equatable {
  /// The place of the case in its list.
  public let number: Int
  /// A sentence that names the file and what to do.
  public let reason: String
}

/// Does `work` for each of this rank's cases (case i on rank i mod R) and goes on after one that fails. Collective.
/// - Parameters:
///   - detail: what a case is called while it is worked on.
/// - Returns: the failures of all ranks, in the order of the cases, on every rank.
/// Errors: of one that concerns more than its case, by its exit code; on every rank.
func forEachCase<Item>(
  _ items: [Item], over world: borrowing Communicator, detail: (Item) -> String, work: (Item) throws -> Void
) throws -> [CaseFailure] {
  let own = items.indices.filter { $0 % world.size == world.rank }
  return try forEach(own, of: items, over: world, detail: detail, work: work)
}

/// As `forEachCase(_:over:detail:work:)`, but where there are fewer cases than ranks, the ranks left over help: those of a team work on one case together.
/// - Parameter earlier: failures of before, whose cases are left out and which are part of the result.
func forEachCaseInTeams<Item>(
  _ items: [Item], passingOver earlier: [CaseFailure], over world: borrowing Communicator, detail: (Item) -> String,
  work: (Item, WindowTeam) throws -> Void
) throws -> [CaseFailure] {
  let failed = Set(earlier.map(\.number)), open = items.indices.filter { !failed.contains($0) }
  let isShort = open.count < world.size
  let team = isShort ? WindowTeam(of: open.count, over: world) : WindowTeam(alone: world.rank)
  let own = open.indices.filter { $0 % world.size == world.rank % (isShort ? open.count : world.size) }.map { open[$0] }
  let failures = try forEach(own, of: items, over: world, detail: detail) { try work($0, team) }
  return (earlier + failures).sorted { $0.number < $1.number }
}

/// Works on the items of the numbers `own`; a failure that several ranks report is listed once.
private func forEach<Item>(
  _ own: [Int], of items: [Item], over world: borrowing Communicator, detail: (Item) -> String, work: (Item) throws -> Void
) throws -> [CaseFailure] {
  let found = try together(over: world) { world in
    var failures: [CaseFailure] = []
    for number in own {
      Flight.mark(.prediction, detail: detail(items[number]))
      do { try work(items[number]) } catch {
        let code = (error as? any ExitCoded)?.exitCode ?? ExitCode.configuration.rawValue
        guard code == ExitCode.configuration.rawValue else { throw error }
        failures.append(CaseFailure(number: number, reason: "\(error)"))
      }
    }
    return failures
  }
  let first = Dictionary(try gathered(found, over: world).map { ($0.number, $0) }) { first, _ in first }
  return first.values.sorted { $0.number < $1.number }
}

/// The values of all ranks in rank order, on every rank. Collective.
func gathered<Value: Codable>(_ own: [Value], over world: borrowing Communicator) throws -> [Value] {
  let texts = try world.allgather(text: String(decoding: JSONEncoder().encode(own), as: UTF8.self))
  return try texts.flatMap { try JSONDecoder().decode([Value].self, from: Data($0.utf8)) }
}

/// What was not done, one case a line; nil if nothing failed.
/// - Parameter done: what happens to a case, as in "predicted".
public func failureText(_ failures: [CaseFailure], of count: Int, done: String) -> String? {
  guard let first = failures.first else { return nil }
  guard failures.count > 1 else { return "1 of \(count) cases is not \(done): \(first.reason)" }
  return (["\(failures.count) of \(count) cases are not \(done):"] + failures.map { "  \($0.reason)" }).joined(separator: "\n")
}
