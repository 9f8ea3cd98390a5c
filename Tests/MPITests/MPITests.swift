// MPI: every collective on one to four ranks and without mpirun; the helper that starts them ends what hangs.

import MPI
import TestSupport
import Testing

@Suite struct MPITests {
  @Test(arguments: 1...4) func collectivesOnSeveralRanks(ranks: Int) throws {
    let run = try mpirun(ranks, ["collectives"])
    #expect(run.status == 0, "\(run.output)")
  }

  @Test func collectivesWithoutLauncher() throws {
    let run = try runAlone(["collectives"])
    #expect(run.status == 0, "\(run.output)")
  }

  @Test func everyRankRuns() throws {
    let run = try mpirun(3, ["nothing"])
    let lines = run.output.split(separator: "\n").sorted()
    #expect(lines == ["rank 0 of 3", "rank 1 of 3", "rank 2 of 3"])
  }

  /// ROMIO stands in for a layer that is known to corrupt files, unless the user wants it otherwise.
  @Test func theLayerForSharedFilesIsChosen() throws {
    let chosen = try mpirun(2, ["io-layer"]).output
    #expect(chosen.contains("Open MPI ") && chosen.hasPrefix("ROMIO (") == chosen.contains("corrupt"), "\(chosen)")
    let asked = try mpirun(2, ["io-layer"], environment: ["OMPI_MCA_io": "ompio"]).output
    #expect(asked.hasPrefix("ompio of Open MPI ") && asked.contains("as OMPI_MCA_io says"), "\(asked)")
  }

  @Test func hangsEndAtTheTimeLimit() throws {
    let run = try mpirun(2, ["hang"], timeout: 1)
    #expect(run.status != 0 && run.output.contains("time limit"), "\(run.output)")
  }

  @Test func aloneNeedsNoMPI() throws {
    let alone = Communicator.alone
    #expect((alone.rank, alone.size) == (0, 1))
    #expect(try alone.gather(bytes: [1, 2]) == [[1, 2]])
    #expect(try alone.broadcast(text: "x") == "x")
    #expect(try alone.allreduce(Int64(3), .sum) == 3)
    try alone.barrier()
  }
}
