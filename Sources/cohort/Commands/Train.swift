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

  @Argument(help: "Keys that replace those of the run file, for example steps=100 optimizer.learningRate=0.02.")
  var overrides: [String] = []

  @Flag(help: "Go on though the data are not those that the run has been trained on so far.")
  var acceptChangedData = false
  @OptionGroup var budget: BudgetOption

  func run() throws {
    try withStoppableRanks { world in
      try launchTraining(
        file: file, overrides: overrides, budget: budget.budget, acceptsChangedData: acceptChangedData, over: world)
    }
  }
}

/// The time that a run may take.
struct BudgetOption: ParsableArguments {
  @Option(
    help: "Save and stop (exit code 75) before this time is over: 5400 (seconds), 90m, 3h50m. Else a Slurm job's own end counts.")
  var timeBudget: String?

  func validate() throws {
    guard let timeBudget, TimeBudget.seconds(timeBudget) == nil else { return }
    throw ValidationError("--time-budget \(timeBudget) is no time: write for example 5400 (seconds), 90m or 3h50m.")
  }

  var budget: TimeBudget { TimeBudget(seconds: timeBudget.flatMap(TimeBudget.seconds)) }
}
