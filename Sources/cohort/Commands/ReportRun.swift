// `cohort report run`: the story of a run folder as text, JSON or a page.

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
    @Option(help: "Write a page with curves and tables instead (.html), which needs nothing else; also while the run goes on.")
    var html: String?

    func run() throws {
      try reportingErrors {
        if let html { return print(try writeRunPage(run: folder, to: html)) }
        let report = try RunReport(run: folder)
        for warning in report.warnings { complain("warning: \(warning)") }
        if json { try printJSON(report) } else { print(report.text) }
      }
    }
  }
}
