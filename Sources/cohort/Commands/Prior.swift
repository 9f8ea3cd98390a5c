// `cohort prior pretrain`: makes a small promptable prior from random scenes.

import ArgumentParser
import Training

struct PriorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prior", abstract: "Make a frozen prior.", subcommands: [Pretrain.self])

  struct Pretrain: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Train a small SAM-Med3D or SAM as a promptable segmenter on random scenes: the demo prior, the demo SAM.",
      discussion:
        "Start it bare (one rank), under mpirun or under srun; the file does not depend on the number of ranks. No scan is used. "
        + "The same command continues a run that was stopped or killed. `prompt Dice` is that of wrong masks of structures, `prior Dice` "
        + "that of the answers to them. A SAM learns from scenes whose slices lie side by side on a canvas of 256 pixels, as SFR stitches "
        + "them; its Dice is that of answers to 1 and to 3 clicks.")

    @Option(help: "File to write (.safetensors, float16).")
    var output: String
    @Option(help: "Network.")
    var architecture = PretrainedArchitecture.samMed3D
    @Option(help: "Number of steps.")
    var steps: Int
    @Option(help: "Seed: the same seed makes the same file.")
    var seed: UInt64 = 1
    @Option(help: "Scenes in a step, shared out over the ranks.")
    var lanes = 4
    @Option(help: "Threads of each rank; 0 for the cores of the host, shared out.")
    var threads = 0
    @Option(help: "Run folder for checkpoints, metrics, events and logs. (default: OUTPUT.run)")
    var runFolder: String?
    @OptionGroup var budget: BudgetOption
    @OptionGroup var watch: WatchOptions

    func run() throws {
      let plan = PretrainingPlan(output: output, steps: steps, seed: seed, lanes: lanes, architecture: architecture)
      try withStoppableRanks { world in
        try launchPretraining(
          plan, folder: runFolder, threads: threads, deadline: watch.deadline, budget: budget.budget, over: world)
      }
    }
  }
}

extension PretrainedArchitecture: ExpressibleByArgument {}
