// `cohort bench coordination`: what averaging over ranks costs a training step, and how much of the communication is hidden.

import ArgumentParser
import Benchmarks
import Cluster
import MPI
import Networks
import Tensors
import Training

extension Bench {
  struct Coordination: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Time training steps with and without coordination, on any number of ranks.",
      discussion:
        "Start it bare or under mpirun. Steps without and with everything that several ranks need (averaging, control word, "
        + "comparison of states) are taken in turn on random voxels. On one rank the difference is the price of coordination; on "
        + "several it holds what the ranks had to wait for, and the times tell how much of the communication the backward walk hides; "
        + "steps of the first rank alone tell how much faster all of them are than one."
    )

    @OptionGroup var choice: NetworkChoice
    @Option(help: "Depth, height and width of the patch in voxels, D,H,W.")
    var patch: String
    @Option(help: "Lanes of each rank.")
    var lanes = 1
    @Option(help: "Threads of each rank.")
    var threads: Int
    @Option(help: "How gradients are averaged: \(averagerCatalog.map { $0.name }.joined(separator: " or ")).")
    var reduction = ExactAverager.name
    @Option(help: "Rounds that count, of one step of each kind.")
    var steps = 5
    @Option(help: "Rounds before them.")
    var warmup = 2
    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
      guard sides.count == 3 else { throw ValidationError("--patch \(patch): give three sides, for example 96,96,96.") }
      for (name, value, least) in [("lanes", lanes, 1), ("threads", threads, 1), ("steps", steps, 1), ("warmup", warmup, 0)]
      where value < least {
        throw ValidationError("--\(name) \(value) must be \(least) or more.")
      }
    }

    private var sides: [Int] { patch.split(separator: ",", omittingEmptySubsequences: false).compactMap { Int($0) } }

    func run() throws {
      let type = try saying { try averager(named: reduction) }
      try withRanks(alwaysMPI: false) { world in
        let plan = StepPlan(
          network: choice.network, networkPlan: try choice.plan(channels: 1, classes: 2), patch: sides, batch: lanes,
          threads: threads, memory: .standard, steps: steps, warmup: warmup)
        let result = try measureCoordination(
          plan, reduction: type, ranksOnHost: try RankPlacement(over: world).ranks, over: world)
        if world.rank == 0 { if json { try printJSON(result) } else { print(result.text) } }
        return 0
      }
    }
  }
}
