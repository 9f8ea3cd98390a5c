// How the doctor works: each check is one collective function; most collect facts on every rank and judge them all on rank 0.

import Foundation
import MPI

/// What the user asked the doctor to look at.
public struct DoctorPlan: Sendable {
  /// The folder in which runs will be written; nil: file checks are skipped.
  public let folder: String?
  /// The output of `scontrol show job` before MPI was started, on rank 0 inside a Slurm job; else nil.
  public let slurmJob: String?
  /// The launcher's variables; MPI changes the environment when it starts.
  public let launch: LaunchCheck

  public init(folder: String?, slurmJob: String?, launch: LaunchCheck) {
    (self.folder, self.slurmJob, self.launch) = (folder, slurmJob, launch)
  }
}

/// One check, the same on all ranks.
public struct DoctorCheck: Sendable {
  /// A word for progress and errors.
  public let name: String
  /// Whether it reads or writes the user's folders, which may be slow.
  let touchesFiles: Bool
  /// Runs the check. Collective; what rank 0 returns counts.
  let run: @Sendable (borrowing Communicator, DoctorPlan) throws -> [Finding]

  public init(
    _ name: String, touchesFiles: Bool = false,
    run: @escaping @Sendable (borrowing Communicator, DoctorPlan) throws -> [Finding]
  ) {
    (self.name, self.touchesFiles, self.run) = (name, touchesFiles, run)
  }

  /// A check that collects facts on each rank and judges all of them, in rank order, on rank 0.
  public init<Facts: Codable & Sendable>(
    _ name: String, touchesFiles: Bool = false, collect: @escaping @Sendable (DoctorPlan) -> Facts,
    judge: @escaping @Sendable ([Placed<Facts>]) -> [Finding]
  ) {
    self.init(name, touchesFiles: touchesFiles) { world, plan in
      let all = try gathered(collect(plan), over: world)
      return world.rank == 0 ? judge(all) : []
    }
  }
}

extension DoctorCheck {
  /// How long it may take before something must be wrong, seconds.
  var patience: Double { touchesFiles ? 180 : 30 }
}

/// Facts with the rank and the host that they come from.
public struct Placed<Facts: Codable & Sendable>: Codable, Sendable {
  public let rank: Int
  public let host: String
  public let facts: Facts

  public init(rank: Int, host: String, facts: Facts) { (self.rank, self.host, self.facts) = (rank, host, facts) }
}

/// The facts of all ranks in rank order, on every rank. Collective.
package func gathered<Facts: Codable & Sendable>(_ facts: Facts, over world: borrowing Communicator) throws -> [Placed<Facts>] {
  let placed = Placed(rank: world.rank, host: Communicator.hostName, facts: facts)
  let texts = try world.allgather(bytes: Array(try JSONEncoder().encode(placed)))
  return try texts.map { try JSONDecoder().decode(Placed<Facts>.self, from: Data($0)) }
}

/// Runs the checks one after the other on all ranks. Collective; rank 0's report counts.
public func examine(
  _ checks: [DoctorCheck] = doctorCatalog, plan: DoctorPlan, over world: borrowing Communicator
) throws -> DoctorReport {
  let started = ContinuousClock.now
  var findings: [Finding] = []
  let deadline = DoctorDeadline(rank: world.rank)
  defer { deadline.end() }
  for check in checks {
    deadline.begin(check)
    findings += try check.run(world, plan)
  }
  return DoctorReport(findings: findings, seconds: (ContinuousClock.now - started) / .seconds(1))
}

extension Array {
  /// The values of `key` with the ranks that have each, the most frequent first.
  package func grouped<Facts, Key: Hashable>(_ key: (Facts) -> Key) -> [(value: Key, ranks: [Int])]
  where Element == Placed<Facts> {
    Dictionary(grouping: self) { key($0.facts) }
      .map { ($0.key, $0.value.map(\.rank)) }
      .sorted { ($0.ranks.count, $1.ranks[0]) > ($1.ranks.count, $0.ranks[0]) }
  }

  /// The first rank of each host, in rank order.
  package func onePerHost<Facts>() -> [Placed<Facts>] where Element == Placed<Facts> {
    var seen: Set<String> = []
    return filter { seen.insert($0.host).inserted }
  }
}

/// `rank 3` or `ranks 0, 2, 5`; of many only the first.
package func rankList(_ ranks: [Int]) -> String {
  let shown = ranks.prefix(6).map(String.init).joined(separator: ", ")
  return "rank\(ranks.count == 1 ? "" : "s") \(shown)\(ranks.count > 6 ? " and \(ranks.count - 6) more" : "")"
}

/// A value that must be the same everywhere: one finding with it, or with who differs.
package func sameEverywhere<Facts>(
  _ what: String, _ all: [Placed<Facts>], hint: String, isProblem: Bool = true, _ key: (Facts) -> String
) -> Finding {
  let groups = all.grouped(key)
  guard groups.count > 1 else { return .ok(what, groups[0].value + (all.count > 1 ? " everywhere" : "")) }
  let text = groups.map { "\($0.value) (\(rankList($0.ranks)))" }.joined(separator: "; ")
  return isProblem ? .problem(what, text, hint: hint) : .warning(what, text, hint: hint)
}

/// A small text file of the system, trimmed; nil where it does not exist.
func systemText(_ path: String) -> String? {
  (try? String(contentsOfFile: path, encoding: .utf8))?.trimmingCharacters(in: .whitespacesAndNewlines)
}
