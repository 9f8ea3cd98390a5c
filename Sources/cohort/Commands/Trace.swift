// `cohort trace merge`: the traces of all ranks of a run as one.

import ArgumentParser
import Training

struct Trace: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "See what every rank did when.", subcommands: [Merge.self])

  struct Merge: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Join the traces of all ranks on one clock, for chrome://tracing or Perfetto.",
      discussion: "Train with trace.steps=[100, 110] first: that traces these steps into the folder trace of the run folder.")

    @Argument(help: "Run folder.")
    var folder: String
    @Option(help: "File to write (.json).")
    var output: String

    func run() throws {
      try reportingErrors {
        let merged = try mergeTraces(run: folder, output: output)
        print("\(merged.spans) spans of \(merged.ranks) rank\(merged.ranks == 1 ? "" : "s") in \(output)")
      }
    }
  }
}
