// The command: one entry for each subcommand.

import ArgumentParser
import Kernels
import Training

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

  /// A stop that comes while the program starts must be obeyed, not kill it, and the start may begin again for OpenBLAS.
  static func main() {
    if ["train", "launch"].contains(CommandLine.arguments.dropFirst().first) { StopSignal.hold() }
    startAgainWithFittingOpenBLAS()
    do { try requireThreads() } catch { exit(withError: error) }
    main(nil)
  }
}
