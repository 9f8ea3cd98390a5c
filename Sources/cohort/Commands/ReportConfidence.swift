// `cohort report confidence`: which volumes taught SAM in a run of SFR+, and how sure the student was of them.

import ArgumentParser
import Training

extension Report {
  struct Confidence: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "confidence",
      abstract: "Draw the rounds of SFR+: confidences of the volumes, which of them teach SAM, agreement.")

    @Option(name: .customLong("run"), help: "Folder of a run with work: sfr-plus.")
    var folder: String
    @Option(help: "Picture (.svg) or page (.html) to write.")
    var output: String

    func run() throws { try reportingErrors { print(try writeConfidenceReport(run: folder, to: output)) } }
  }
}
