// `cohort train`: one run, on as many ranks as the launcher started.

import ArgumentParser
import Training

struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train a network, or continue a run that was interrupted.",
    discussion: "Start it bare (one rank), under mpirun or under srun. The same command in the same run folder continues the run."
  )

  @Argument(help: "Run file (YAML); `cohort recipes demo-relif` prints one.")
  var file: String

  @Argument(help: "Keys that replace those of the run file, for example steps=100 optimizer.rate=0.02.")
  var overrides: [String] = []

  func run() throws {
    try withRanks(alwaysMPI: true) { world in try launchTraining(file: file, overrides: overrides, over: world) }
  }
}
