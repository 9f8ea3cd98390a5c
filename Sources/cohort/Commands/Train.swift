// `cohort train`: one run, on as many ranks as the launcher started.

import ArgumentParser
import Training

struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train a network, or continue a run that was interrupted.",
    discussion: """
      Start it bare (one rank), under mpirun or under srun. The same command in the same run folder continues the run.

      What a line of steps says: "step 120/3000  loss 0.8210  12.4 samples/s  0:23:51 left  crossEntropy 0.402  dice 0.419":
        step          optimiser steps done, of those of the stage
        loss          the sum of all terms, each by its weight: what is minimised
        samples/s     crops of volumes trained on in a second, all ranks together
        left          time to the end of the stage, without its validations
        crossEntropy, dice and other terms
                      parts of the loss before their weights, means over all lanes; dice is the Dice loss, 0 at best
        gateCoverage, certainVoxels, pseudoForeground and the like
                      shares of voxels, 0...1, which a method lets teach; pseudoCrops is the share of unlabelled crops
                      whose pseudo-labels do
      A line says as much as fits into 99 characters; metrics.jsonl in the run folder has all.
      "Dice" in a line of a validation is the overlap with the reference, 1 at best, the mean of cases and classes. A lane is a micro-batch; a
      rank is a process of the job. `cohort watch RUN` shows curves, `cohort report run RUN --html FILE` a page.
      """
  )

  @Argument(help: "Run file (YAML); `cohort recipes demo-relif` prints one.")
  var file: String

  @Argument(help: "Keys that replace those of the run file, for example steps=100 optimizer.learningRate=0.02.")
  var overrides: [String] = []

  @Option(
    help:
      "Seeds, as 1,2,3: a run for each, one after the other, in `output`/seed-N; `cohort predict --checkpoint` takes `output` for all of them together."
  )
  var seeds: SeedList?
  @Flag(help: "Go on though the data are not those that the run has been trained on so far.")
  var acceptChangedData = false
  @OptionGroup var budget: BudgetOption

  func run() throws {
    try withStoppableRanks { world in
      guard let seeds else {
        return try launchTraining(
          file: file, overrides: overrides, budget: budget.budget, acceptsChangedData: acceptChangedData, over: world)
      }
      return try launchTraining(
        file: file, overrides: overrides, seeds: seeds.values, budget: budget.budget, acceptsChangedData: acceptChangedData,
        over: world)
    }
  }
}

/// Seeds with commas between them, none of them twice.
struct SeedList: ExpressibleByArgument {
  let values: [UInt64]

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false), values = parts.compactMap { UInt64($0) }
    guard values.count == parts.count, Set(values).count == values.count, values.allSatisfy({ $0 <= UInt64(Int.max) }) else {
      return nil
    }
    self.values = values
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
