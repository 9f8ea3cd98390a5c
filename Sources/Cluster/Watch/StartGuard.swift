// Ranks that do not come together. Until the watch over a job runs, nothing distinguishes a rank that waits for ever from one that
// waits for a moment: MPI_Init and the first collective calls wait for a process that is stopped, or for a host that does not
// answer, without an end. So each rank gives them a time, and looks then at what the ranks on its own host are doing.

import Foundation

public enum StartGuard {
  /// Names the environment variable that replaces the 300 seconds: large machines on slow file systems may need more.
  public static let variable = "COHORT_START_DEADLINE"

  /// Runs `body`, which waits for the other ranks of the job; where it takes too long, one rank prints whom they wait for and all
  /// end.
  public static func during<Result: ~Copyable>(_ body: () throws -> Result) rethrows -> Result {
    let launch = LaunchCheck()
    guard launch.isWired, let ranks = launch.expectedRanks, ranks > 1 else { return try body() }
    LauncherProcess.remember()
    let hasCome = DispatchSemaphore(value: 0)
    let seconds = ProcessInfo.processInfo.environment[variable].flatMap { Double($0) } ?? 300
    Thread.detachNewThread {
      let clock = AwakeClock(), limit = clock.seconds + seconds
      while true {
        let left = max(limit, clock.graceEnd) - clock.seconds
        if left <= 0 { end(RankProcess.ofThisJob(), ranks: ranks, waited: seconds) }
        if hasCome.wait(timeout: .now() + min(left, AwakeClock.readingSeconds)) == .success { return }
      }
    }
    defer { hasCome.signal() }
    return try body()
  }

  /// - Parameter found: the ranks on this host.
  private static func end(_ found: [RankProcess], ranks: Int, waited: Double) -> Never {
    let stuck = found.first { $0.trouble != nil }
    // A host that sees the culprit goes first, then that of rank 0: the end of one rank is the end of all.
    if stuck == nil { sleep(found.contains { $0.rank == 0 } ? 2 : 4) }
    // The first of those that could go on prints. It stays for a moment, so that one that looks later does not take itself for the
    // first.
    if found.first(where: { $0.trouble == nil })?.process == getpid() {
      JobEnd.printError(message(stuck, reporter: found.first { $0.process == getpid() }, ranks: ranks, waited: waited))
    }
    sleep(2)
    if stuck != nil { _exit(ExitCode.rankLost.rawValue) }
    // mpirun would wait for a host that does not answer before it leaves.
    LauncherProcess.end()
    _exit(ExitCode.hang.rawValue)
  }

  private static func message(_ stuck: RankProcess?, reporter: RankProcess?, ranks: Int, waited: Double) -> String {
    func place(_ rank: RankProcess?) -> String { "rank \(rank?.rank ?? 0) of \(ranks) on \(ProcessInfo.processInfo.hostName)" }
    guard let stuck, let trouble = stuck.trouble else {
      return
        "\(place(reporter)) has waited \(waited.tenths) s in start for ranks of other hosts; those of its own host run. The job ends; "
        + "`cohort doctor` under the same launcher finds hosts that do not reach each other (\(variable) sets the seconds)."
    }
    return
      "\(place(stuck)) \(trouble) (process \(stuck.process)): the others have waited for it in start for \(waited.tenths) s. "
      + "The job ends; start it again."
  }
}

/// A process of this job on this host, as the system sees it.
private struct RankProcess {
  let rank: Int
  let process: pid_t
  /// What keeps it from going on, as the rest of a sentence; nil if nothing does.
  let trouble: String?

  /// The processes of this job on this host in the order of their ranks. PMIx, by which Open MPI's ranks find each other under
  /// mpirun and srun, gives those of a job one name space.
  static func ofThisJob() -> [RankProcess] {
    let space = "PMIX_NAMESPACE", number = "PMIX_RANK"
    guard let nameSpace = ProcessInfo.processInfo.environment[space] else { return [] }
    return HostProcess.all.compactMap { process in
      guard let variables = process.environment, variables.contains("\(space)=\(nameSpace)"),
        let rank = variables.first(where: { $0.hasPrefix("\(number)=") }).flatMap({ Int($0.dropFirst(number.count + 1)) })
      else { return nil }
      return RankProcess(rank: rank, process: process.identifier, trouble: trouble(of: process))
    }
    .sorted { ($0.rank, $0.process) < ($1.rank, $1.process) }
  }

  private static func trouble(of process: HostProcess) -> String? {
    if process.isStopped { return "is stopped" }
    return process.state == "D" ? "waits for a file system or a device" : nil
  }
}
