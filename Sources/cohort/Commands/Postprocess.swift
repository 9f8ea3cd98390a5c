// `cohort postprocess`: which removals of small parts help, and the removals themselves.

import ArgumentParser
import Metrics
import Training

struct Postprocess: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Find out whether removing small parts helps, as nnU-Net does, and remove them.",
    subcommands: [Decide.self, Apply.self])

  struct Decide: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Decide on predictions of cases that were held out from training.",
      discussion: """
        First all but the largest part of all foreground is removed: this stands if the mean Dice of the classes, or of the regions that \
        dataset.json declares, rises and that of none falls. Then, where there are several, all but the largest part of each, which stands \
        if its Dice rises. \
        `cohort predict --postprocess` and `cohort postprocess apply` do what was decided.
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
        let labels = try labelMeaning(dataset: dataset, references: references)
        let decision = try decidePostprocessing(predictions: predictions, references: references, labels: labels)
        try decision.write(to: output)
        print(decision.text(labels))
      }
    }
  }

  struct Apply: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Do what was decided to a folder of label maps.")

    @Option(help: "What `cohort postprocess decide` wrote.")
    var decision: String
    @Option(help: "Folder of label maps; they stay as they are.")
    var predictions: String
    @Option(help: "Folder for the results.")
    var output: String

    func run() throws {
      try reportingErrors {
        let classNames = ModelDescription(predictions: predictions)?.classNames
        let decided = try PostprocessingDecision(path: decision, classNames: classNames)
        let (failures, count) = try applyPostprocessing(decided, to: predictions, output: output) { print($0) }
        throw ArgumentParser.ExitCode(listFailures(failures, of: count, done: "post-processed"))
      }
    }
  }
}
