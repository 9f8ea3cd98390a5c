// `cohort bench coordination`: what averaging over ranks costs a training step, and how much of the communication is hidden.

import ArgumentParser
import Benchmarks
import Cluster
import MPI
import Training

extension Bench {
  struct Coordination: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Time training steps with and without coordination, on any number of ranks.",
      discussion:
        "Start it bare or under mpirun. Steps without and with everything that several ranks need (averaging, control word, "
        + "comparison of states) are taken in turn on random voxels. On one rank the difference is the price of coordination; on "
        + "several it holds what the ranks had to wait for, and the times show how much of the communication the backward pass hides; "
        + "steps of the first rank alone show how much faster all of them are than one."
    )

    @OptionGroup var step: StepChoice
    @Option(help: "Lanes of each rank.")
    var lanes = 1
    @Option(help: "How gradients are averaged: \(averagerCatalog.map { $0.name }.joined(separator: " or ")).")
    var reduction = ExactAverager.name

    func validate() throws { try inRange([("lanes", lanes, 1...1024)]) }

    func run() throws {
      let type = try reportingErrors { try averager(named: reduction) }
      try withRanks(alwaysMPI: false) { world in
        let result = try measureCoordination(
          try step.plan(batch: lanes), reduction: type, ranksOnHost: try RankPlacement(over: world).ranks, over: world)
        if world.rank == 0 { if step.json { try printJSON(result) } else { print(result.text) } }
        return 0
      }
    }
  }
}
