// `cohort bench allreduce`: how fast the ranks add messages of all sizes.

import ArgumentParser
import Cluster
import Scaling
import Training

extension Bench {
  struct Allreduce: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Time MPI_Allreduce by message size; start it under mpirun or srun.",
      discussion:
        "Each size is timed after a warm-up and a barrier, in single precision (reduction: fast) and 64-bit integers (exact). "
        + "min, mean and max are over the ranks; bandwidths go by the median over repeats of the slowest rank: algbw is size over time, busbw 2(p-1)/p of it."
    )

    @Option(help: "Bytes: 4K,64K,1M, or 4K..128M for every doubling.")
    var sizes = "4K..128M"
    @Option(help: "Repeats that count.")
    var repeats = 10
    @Flag(help: "Print JSON, with hosts, program and MCA parameters.")
    var json = false

    func validate() throws { try inRange([("repeats", repeats, 1...mostRepeats)]) }

    func run() throws {
      try withRanks(alwaysMPI: true) { world in
        let bytes = try together(over: world) { _ in try messageSizes(sizes) }
        let run = try measureMessages(bytes, repeats: repeats, over: world)
        guard world.rank == 0, let result = run.allreduce else { return 0 }
        if json { try printJSON(run) } else { print(result.text) }
        return 0
      }
    }
  }
}
