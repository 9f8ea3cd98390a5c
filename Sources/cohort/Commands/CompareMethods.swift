// `cohort compare-methods`: methods on labelled sets of one data set, and the table of what they score.

import ArgumentParser
import Cluster
import Comparison
import Files
import Foundation
import MPI
import Preparation
import Training
import Volumes

struct CompareMethods: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train methods on drawn sets of labelled volumes and compare what they score, with intervals and cost.",
    discussion: """
      Runs every combination, one after another, on all ranks that mpirun started, and writes methods.markdown, methods.csv, scores.csv and methods.html. The same \
      command goes on where it was stopped: finished runs stay. Exit codes: 75 stopped as asked, 78 some runs failed.
      """)

  @Argument(help: "nnU-Net raw folder, which is prepared into OUTPUT/packs first, or a folder of packs.")
  var data: String
  @Argument(help: "Keys of all runs, for example network.base=16 lanes=4.")
  var overrides: [String] = []
  @Option(help: "Folder for packs, runs and tables.")
  var output: String
  @Option(
    help:
      "Methods: NAME, NAME:key=value with keys of a run file, or either with +registration for pseudo-labels; commas between them."
  )
  var methods: String
  @Option(help: "Numbers of labelled volumes, for example 1,2,5.")
  var labels: String
  @Option(help: "Seeds of the labelled sets, and of the runs.")
  var seeds = "1,2,3"
  @Option(help: "Steps of each run.")
  var steps: Int?
  @Option(help: "Depth, height and width of crops, voxels, for example 64,64,64.")
  var patch: String?
  @Option(help: "Cases that are scored: test, or validation (the first fold beside the packs). Test cases if they have labels.")
  var on: HeldOutCases?

  func run() throws {
    try withStoppableRanks { world in
      let team = try RankTeam(world)
      defer { try? team.close() }
      let outcome = try prepare(team)
      let study = try together(over: world) { _ in
        try outcome?.requireWhole(of: data)
        return try self.study(packs: outcome == nil ? data : preparedPacks)
      }
      if team.rank == 0 { for warning in outcome?.warnings ?? [] { complain("warning: \(warning)") } }
      return try compareMethods(study, over: world) { Outlet.output.write($0 + "\n") }
    }
  }

  private var preparedPacks: String { output + "/packs" }

  /// Prepares the data, unless they are packs. Collective.
  private func prepare(_ team: RankTeam) throws -> PreparationOutcome? {
    if try team.first({ FileManager.default.fileExists(atPath: "\(data)/\(PackIndex.fileName)") }) { return nil }
    return try prepareDataset(PreparationPlan(dataset: data, output: preparedPacks), team: team) { print($0) }
  }

  private func study(packs: String) throws -> MethodStudy {
    func numbers<Value: LosslessStringConvertible>(_ name: String, _ text: String) throws -> [Value] {
      try text.split(separator: ",").map { part in
        guard let number = Value(String(part)) else {
          throw TrainingError("--\(name) \(text): write whole numbers with commas between them.")
        }
        return number
      }
    }
    let own = (steps.map { ["steps=\($0)"] } ?? []) + (patch.map { ["patch=[\($0)]"] } ?? [])
    let hasTests = try PackIndex(folder: packs).entries.contains { $0.role == .test && $0.hasLabel }
    guard hasTests || on != .test else { throw TrainingError("\(packs) has no test cases with labels: leave out --on test.") }
    return try MethodStudy(
      data: packs, dataHash: fileHash("\(packs)/\(PackIndex.fileName)"), output: output,
      methods: methods.split(separator: ",").map { try MethodChoice(String($0)) },
      labels: numbers("labels", labels), seeds: numbers("seeds", seeds), overrides: own + overrides,
      subject: on ?? (hasTests ? .test : .validation))
  }
}

extension PreparationOutcome {
  /// Refuses data of which something could not be prepared: methods are compared on all of them.
  fileprivate func requireWhole(of data: String) throws {
    let problems = omitted.map { "\($0.identifier): \($0.reason)" } + [problem].compactMap { $0 }
    guard problems.isEmpty else {
      throw PreparationError(
        "\(data) could not be prepared: \(problems.prefix(3).joined(separator: "; ")). Mend or remove these files.")
    }
  }
}

extension HeldOutCases: ExpressibleByArgument {}
