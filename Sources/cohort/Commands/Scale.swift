// `cohort scale plan|run|report|model|keys`: how training scales with the number of nodes. `measure` and `record` are what a study is
// made of.

import ArgumentParser
import Files
import Foundation
import Scaling

struct Scale: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure how training scales with the number of nodes, and predict how it goes on.",
    discussion: "A study is one YAML file; Sources/Scaling/STUDIES.md shows one, and `cohort scale keys` explains its keys.",
    subcommands: [Plan.self, Run.self, Report.self, Model.self, Keys.self, Record.self, Measure.self])

  struct Keys: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print the keys of a study: default, allowed values, explanation.")

    @Argument(help: "Part of the names or explanations to print.")
    var pattern: String?
    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
      try reportingErrors {
        try printSettings(StudyKeys.all, matching: pattern, json: json, of: "a study", command: "cohort scale keys")
      }
    }
  }

  struct StudyArgument: ParsableArguments {
    @Argument(help: "Study file (YAML), or the folder of a study.")
    var study: String
  }

  struct Plan: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print the commands of a study in their random order, and how long they will take.")
    @OptionGroup var chosen: StudyArgument

    func run() throws {
      try reportingErrors {
        let study = try Study(path: chosen.study)
        try study.checkNodes()
        let (points, measured) = try study.remaining()
        for point in points {
          print(study.shown(try study.command(point, program: programPath, folder: study.folder(of: point))))
        }
        let expected = try study.expectedSeconds(points, measured: measured)
        print("\(study.order.count) measurements, \(study.order.count - points.count) of them exist; \(expectation(expected))")
      }
    }

    private func expectation(_ expected: (seconds: Double, unknown: Int)) -> String {
      let minutes = (expected.seconds / 60 * 10).rounded(.up) / 10
      guard expected.unknown > 0 else { return "the rest takes about \(minutes) minutes." }
      return "\(expected.unknown) of the rest take as long as their steps, which is known when the first is measured; "
        + "the others about \(minutes) minutes."
    }
  }

  struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Run a study, or continue one that was interrupted.",
      discussion:
        "Each measurement is one line of measurements.jsonl in the study's folder."
        + " Exit codes: 75 stopped by a signal, 78 some points failed."
    )
    @OptionGroup var chosen: StudyArgument

    func run() throws {
      try reportingErrors {
        let study = try Study(path: chosen.study)
        let outcome = try study.run(program: programPath) { text in
          // At once, also into a file.
          Outlet.output.write(text + "\n")
        }
        if outcome.isInterrupted {
          print("stopped as asked: the same command continues the study.")
          throw ArgumentParser.ExitCode(75)
        }
        guard outcome.failures.isEmpty else {
          print("\(outcome.failures.count) measurements failed: the same command tries them again.")
          throw ArgumentParser.ExitCode(78)
        }
        print("\(outcome.measured) measurements in \(study.output): write the report with `cohort scale report \(chosen.study)`.")
      }
    }
  }

  struct Report: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Write a study's tables (CSV, JSON) and its page with pictures (HTML).")
    @OptionGroup var chosen: StudyArgument

    func run() throws {
      try reportingErrors { for path in try ScalingReport(try Study(path: chosen.study)).write() { print(path) } }
    }
  }

  struct Model: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Fit latency, bandwidth and jitter to a study and predict up to 1024 nodes, with intervals.")
    @OptionGroup var chosen: StudyArgument

    func run() throws {
      try reportingErrors { print(try ScalingReport(try Study(path: chosen.study)).modelText) }
    }
  }

  struct Record: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Record how long lanes take on this machine, for studies that replay them (compute: replay:FILE).")

    @Argument(help: "Run file whose lanes are timed, or the folder of a run whose metrics.jsonl has the times.")
    var source: String
    @Argument(help: "Keys that replace those of the run file.")
    var overrides: [String] = []
    @Option(help: "Steps that are dropped at the start.")
    var warmup = 3
    @Option(help: "Steps that count.")
    var steps = 10
    @Option(help: "File to write (.json).")
    var output: String

    func validate() throws { try inRange([("warmup", warmup, 0...mostRepeats), ("steps", steps, 1...mostRepeats)]) }

    func run() throws {
      try reportingErrors {
        try LaneTrace.checkOutput(output)
        let isFolder = (try? FileManager.default.contentsOfDirectory(atPath: source)) != nil
        let trace =
          isFolder
          ? try laneTimes(ofRun: source, warmup: warmup)
          : try recordLanes(file: source, overrides: overrides, warmup: warmup, steps: steps)
        try trace.write(to: output)
        let times = String(format: "median %.4f s, of which backward %.4f s", trace.medianLane, trace.medianBackward)
        print("\(trace.lanes.count) lanes, \(times); \(trace.averagedValues) values averaged (\(trace.reduction)): \(output)")
      }
    }
  }
}

/// This program's own path: the ranks run the same file.
private var programPath: String {
  (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
}
