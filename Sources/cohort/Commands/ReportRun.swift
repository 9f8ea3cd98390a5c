// `cohort report run`: the story of a run folder as text.

import ArgumentParser
import Files
import Training

extension Report {
  struct OfRun: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "run", abstract: "Tell how a run went: attempts, checkpoints, validations, and which rank was slow and why.")

    @Argument(help: "Run folder.")
    var folder: String
    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
      try reportingErrors {
        let report = try RunReport(run: folder)
        for warning in report.warnings { complain("warning: \(warning)") }
        if json { try printJSON(report) } else { print(report.text) }
      }
    }
  }
}
