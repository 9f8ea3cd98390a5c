// `cohort postprocess`: which removals of small parts help.

import ArgumentParser
import Training

struct Postprocess: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Find out whether removing small parts helps, as nnU-Net does.", subcommands: [Decide.self])

  struct Decide: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Decide on predictions of cases that were held out from training.",
      discussion: """
        First all but the largest part of all foreground is removed: this stands if the mean Dice of the classes rises and that of none \
        falls. Then, where there are several classes, all but the largest part of each, which stands if its Dice rises. \
        `cohort predict --postprocess` does what was decided.
        """)

    @Option(help: "Folder of predicted label maps of held-out cases, of all folds together.")
    var predictions: String
    @Option(help: "Folder of reference label maps with the same names.")
    var references: String
    @Option(help: "File to write, .json.")
    var output: String
    @Option(help: "Data set folder whose dataset.json names the classes; the folder above the references if it has one.")
    var dataset: String?

    func run() throws {
      try reportingErrors {
        let names = try classNames(dataset: dataset, references: references)
        let decision = try decidePostprocessing(predictions: predictions, references: references)
        try decision.write(to: output)
        print(decision.text(classNames: names))
      }
    }
  }
}
