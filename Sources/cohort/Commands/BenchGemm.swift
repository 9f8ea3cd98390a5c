// `cohort bench gemm`: how fast matrix products are on every rank, and whether their bits agree.

import ArgumentParser
import Benchmarks
import Kernels

extension Bench {
  struct Gemm: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Time matrix products and compare their bits over ranks and numbers of threads.",
      discussion: "Under mpirun every rank multiplies the same matrices; it ends with code 78 if any two disagree in a bit.")

    @Option(help: "Threads; the bits are compared for 1, 2, 4 and so on up to it.")
    var threads: Int
    @Option(help: "Repeats that count.")
    var repeats = 9
    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws { try inRange([("threads", threads, 1...Threads.most), ("repeats", repeats, 1...mostRepeats)]) }

    func run() throws {
      try withRanks(alwaysMPI: false) { world in
        let result = try measureProducts(threads: threads, repeats: repeats, over: world)
        if world.rank == 0 { if json { try printJSON(result) } else { print(result.text) } }
        return result.rows.allSatisfy { $0.sameOnAllRanks && $0.sameOnAllThreadCounts } ? 0 : 78
      }
    }
  }
}
