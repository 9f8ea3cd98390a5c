// The launcher's variables of a job, against the ranks that MPI finds.

import Cluster
import Testing

@Suite struct LaunchCheckTests {
  @Test(
    arguments: [
      // A bare process; a rank of mpirun, also inside a Slurm job whose helpers srun counts; a rank of srun with PMIx; one of one.
      ([:], 1),
      (["OMPI_COMM_WORLD_SIZE": "4"], 4),
      (["OMPI_COMM_WORLD_SIZE": "4", "SLURM_STEP_NUM_TASKS": "1", "SLURM_NTASKS": "4"], 4),
      (["PMIX_RANK": "0", "SLURM_STEP_NUM_TASKS": "2", "SLURM_NTASKS": "2"], 2),
      (["SLURM_NTASKS": "1"], 1),
    ] as [([String: String], Int)])
  func soundStartsPass(_ environment: [String: String], _ ranks: Int) {
    let check = LaunchCheck(environment)
    #expect(check.problem(ranks: ranks) == nil)
    #expect(check.warning(ranks: ranks) == nil)
  }

  @Test(
    arguments: [
      (["SLURM_STEP_NUM_TASKS": "2", "SLURM_NTASKS": "2", "SLURM_PROCID": "0"], ["srun has started 2", "srun --mpi=pmix"]),
      (["PMI_RANK": "0", "SLURM_STEP_NUM_TASKS": "3"], ["srun has started 3", "mpirun"]),
      (["PMI_RANK": "1", "PMI_SIZE": "5"], ["5 processes", "another MPI", "/usr/bin/mpirun"]),
      (["OMPI_COMM_WORLD_SIZE": "8"], ["mpirun has started 8", "another Open MPI"]),
      (["SLURM_NTASKS": "16", "SLURM_PROCID": "0"], ["16 tasks", "mpirun -n 1"]),
    ] as [([String: String], [String])])
  func processesThatAreAloneGetAHint(_ environment: [String: String], _ words: [String]) throws {
    let problem = try #require(LaunchCheck(environment).problem(ranks: 1))
    for word in words { #expect(problem.contains(word), "\(problem)") }
  }

  @Test func onlyRankZeroOfTheLauncherIsFirst() {
    #expect(LaunchCheck(["SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "0"]).isFirst)
    #expect(!LaunchCheck(["SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "1"]).isFirst)
    #expect(!LaunchCheck(["OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "1", "SLURM_PROCID": "0"]).isFirst)
  }

  @Test func warnsAboutAnotherNumberOfRanksThanTheJobs() throws {
    let check = LaunchCheck(["OMPI_COMM_WORLD_SIZE": "2", "SLURM_NTASKS": "4"])
    #expect(try #require(check.warning(ranks: 2)).contains("4 tasks, but there are 2 ranks"))
    #expect(check.problem(ranks: 2) == nil)
    #expect(check.isWired && check.expectedRanks == 2)
  }
}
