// One job of p ranks, or p jobs of one rank? Where the launcher and the MPI library do not understand each other, every process
// believes that it is alone; all would train the same run side by side (open-mpi/ompi issue 13523). The launcher's
// variables show it.

import Foundation

/// The launcher's variables in the environment of a process.
public struct LaunchCheck: Sendable {
  /// Processes that a launcher reports to have started together; nil if there is no launcher.
  private let launched: (count: Int, by: LauncherKind)?
  /// Tasks of the Slurm allocation around it.
  private let slurmTasks: Int?
  /// Whether a launcher has given this process a way to find others that Open MPI understands (PMIx); without one it is alone
  /// whatever the launcher reports, or ends with a page of text in `MPI_Init`.
  public let isWired: Bool
  /// Whether this is the first process of those: the one that prints for processes that cannot agree on it.
  public let isFirst: Bool

  private enum LauncherKind: Sendable { case openMPI, srun, otherMPI }

  public init(_ environment: [String: String] = ProcessInfo.processInfo.environment) {
    func number(_ name: String) -> Int? { environment[name].flatMap { Int($0) } }
    isWired = ["OMPI_COMM_WORLD_SIZE", "PMIX_RANK"].contains { environment[$0] != nil }
    slurmTasks = number("SLURM_NTASKS")
    // mpirun reaches the nodes of a Slurm job through srun, whose variables then count its helpers, not the ranks: mpirun's go
    // first.
    if let count = number("OMPI_COMM_WORLD_SIZE") {
      launched = (count, .openMPI)
    } else if let count = number("SLURM_STEP_NUM_TASKS") {
      launched = (count, .srun)
    } else if let count = number("PMI_SIZE") {
      launched = (count, .otherMPI)
    } else {
      launched = nil
    }
    let rank = ["OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"].lazy.compactMap(number).first
    isFirst = (rank ?? 0) == 0
  }

  /// Ranks that there should be; nil if unknown.
  public var expectedRanks: Int? { launched?.count ?? slurmTasks }

  /// Why a job of one rank should not go on, with a hint; nil if there is nothing against it.
  public func problem(ranks: Int) -> String? {
    guard ranks == 1, let expected = expectedRanks, expected > 1 else { return nil }
    switch launched?.by {
    case .openMPI:
      return
        "mpirun has started \(expected) processes, but each of them is alone: the mpirun on the PATH belongs to another Open MPI "
        + "than the one this program runs with. Start it with the mpirun of Debian's openmpi-bin (/usr/bin/mpirun)."
    case .srun: return "srun has started \(expected) processes, but each of them is alone. " + Self.srunHint
    case .otherMPI:
      return "\(expected) processes were started by the mpirun of another MPI, and each of them is alone. "
        + "Start them with Open MPI's mpirun (/usr/bin/mpirun)."
    case nil:
      return
        "this is one process, but the Slurm job has \(expected) tasks. Put `mpirun` or `srun --mpi=pmix` before the command; "
        + "for a single rank on purpose, `mpirun -n 1`."
    }
  }

  /// What is odd about the number of ranks in a Slurm job, with a hint; nil if it is that of the job.
  public func warning(ranks: Int) -> String? {
    guard let slurmTasks, slurmTasks != ranks, problem(ranks: ranks) == nil else { return nil }
    return "the Slurm job has \(slurmTasks) tasks, but there \(ranks == 1 ? "is 1 rank" : "are \(ranks) ranks"): "
      + "leave -n out of the mpirun or srun line, or change --ntasks of the job, unless this is on purpose."
  }

  private static let srunHint =
    "Start them with `srun --mpi=pmix` (`srun --mpi=list` must name pmix), or with `mpirun` in place of srun."
}
