// The command: one entry for each subcommand.

import ArgumentParser
import Kernels

@main
struct Cohort: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cohort",
    abstract: "Trains 3D medical segmentation networks from a few labelled and many unlabelled volumes, on many machines.",
    subcommands: [
      Synthesize.self, Prepare.self, Train.self, Predict.self, Evaluate.self, Report.self, Checkpoint.self, NetworkCommand.self,
      Methods.self, Recipes.self, PriorCommand.self, Bench.self, Scale.self, WeightsCommand.self, Launch.self, FlightCommand.self,
      Doctor.self, Trace.self,
    ])

  static func main() {
    startAgainWithFittingOpenBLAS()
    main(nil)
  }
}
