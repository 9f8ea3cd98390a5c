// `cohort choose`: which volumes to label, before any is.

import ArgumentParser
import Cluster
import Training

struct Choose: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Choose the volumes that stand best for all others, to label them first.",
    discussion: """
      All training volumes are registered with each other on a coarse grid (of more than 32 with 32 of them, or with four for each that is wanted), \
      under mpirun each rank its share of the pairs. The first that is chosen is the one most like all others, each next one brings the \
      others nearest to a chosen one, so that the first of many are the choice of fewer. Labels are not looked at, and need not be there. \
      The output gets choice.csv, volumes.csv with what stands for each volume, and choice.png, a contact sheet.
      """)

  @Argument(
    help: "Data set folder in nnU-Net's raw layout, in which labels may be missing, or packs that `cohort prepare` wrote.")
  var data: String
  @Option(help: "Volumes to choose.")
  var number: Int
  @Option(help: "Folder for the tables and the contact sheet.")
  var output = "choice"
  @OptionGroup var watch: WatchOptions

  func validate() throws { try inRange([("number", number, 1...1000)]) }

  func run() throws {
    try withWatchedRanks(watch, command: "choose") { world in
      Flight.mark(.start, detail: "volumes")
      let source = try together(over: world) { world in
        if world.rank == 0 { try VolumeChoice.check(output: output) }
        return try ChoiceSource(data)
      }
      let console = Console(rank: world.rank)
      source.warnings.forEach(console.warn)
      let choice = try VolumeChoice(source, number: number, over: world, console: console)
      console.print(choice.text)
      try together(over: world) { world in
        if world.rank == 0 { for path in try choice.write(to: output, from: source) { print(path) } }
      }
      return world.rank == 0 ? listFailures(choice.failures, of: choice.count, done: "compared") : choice.failures.isEmpty ? 0 : 3
    }
  }
}
