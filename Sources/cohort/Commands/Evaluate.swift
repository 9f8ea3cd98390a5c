// `cohort evaluate`: Dice, Jaccard and surface distances of label maps against references; or of a network under bias fields.

import ArgumentParser
import Cluster
import Files
import Foundation
import Metrics
import Preparation
import Training
import Volumes

struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Score label maps against references: Dice, Jaccard, surface Dice (NSD) and surface distances.",
    discussion: """
      ASD is the mean distance from the prediction's surface to the reference's, ASSD the mean of both directions, HD the largest \
      distance of both, 95HD their 95th percentile. NSD is the share of both surfaces that lies within --tolerance of the other.

      --against tests the predictions against other ones of the same cases: differences, their intervals, and Wilcoxon's p.

      With --bias, --checkpoint and --input instead of --predictions, a network's own predictions are scored, one row for each \
      bias field that is put on the images first. Under mpirun the cases are shared out over the ranks.
      """)

  enum Unit: String, CaseIterable, ExpressibleByArgument { case voxel, mm }

  @Option(help: "Folder of predicted label maps.")
  var predictions: String?
  @Option(help: "Folder of reference label maps with the same names.")
  var references: String
  @Option(help: "Distances in voxels, as the published benchmarks, or in mm.")
  var spacing = Unit.mm
  @Option(help: "Distance that the surface Dice forgives, in the unit of --spacing.")
  var tolerance = 1.0
  @Option(help: "Another folder of predictions of the same cases, for a paired test; with --output also paired.csv.")
  var against: String?
  @Option(help: "What empty masks count for in means: skip, zero (0 everywhere) or diagonal (the scan's diagonal as distance).")
  var empty = EmptyPolicy.skip
  @Option(help: "Data set folder whose dataset.json names the classes; the folder above the references if it has one.")
  var dataset: String?
  @Option(help: "Folder for summary.json in nnU-Net's form, scores.csv with every case, and means.csv.")
  var output: String?
  @Option(help: "manifest.csv of the data set, or its folder: means by phase and vendor.")
  var manifest: String?
  @Option(help: "quality.csv of `cohort predict --quality`: holds its estimates against the scores.")
  var quality: String?
  @Option(help: "Strengths ALPHA_M,ALPHA_A of a bias field on the images, as 0.15,0.05; may be given several times.")
  var bias: [BiasSetting] = []
  @Option(help: "With --bias: run folder or checkpoint.")
  var checkpoint: String?
  @Option(help: "With --bias: folder of images.")
  var input: String?
  @OptionGroup var watch: WatchOptions
  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    let isWhole = bias.isEmpty ? predictions != nil && checkpoint == nil && input == nil : predictions == nil
    guard isWhole, bias.isEmpty || (checkpoint != nil && input != nil) else {
      throw ValidationError("give --predictions to score label maps, or --bias, --checkpoint and --input to score a network.")
    }
    guard bias.isEmpty || (output == nil && manifest == nil && quality == nil && against == nil) else {
      throw ValidationError("--output, --manifest, --quality and --against are for --predictions: leave them out with --bias.")
    }
    guard tolerance.isFinite, tolerance >= 0 else { throw ValidationError("--tolerance must be 0 or more.") }
  }

  func run() throws {
    if let checkpoint, let input { return try scoreUnderBias(checkpoint, input) }
    try reportingErrors {
      let origins = try manifest.map { try caseOrigins(manifest: $0) } ?? [:]
      let found = try score(predictions!), other = try against.map(score)
      let paired = other.map { found.table.paired(with: $0.table) }
      if found.failures.count < found.count {
        try report(found, paired, by: manifest == nil ? nil : found.table.groups(by: origins))
        if let output { try found.write(to: output, origins: origins, paired: paired) }
      }
      if let manifest, let warning = found.unknownCases(origins, manifest: manifest) { complain("warning: \(warning)") }
      for warning in found.warnings + (other?.warnings ?? []) { complain("warning: \(warning)") }
      let failures = found.failures + (other?.failures ?? [])
      throw ArgumentParser.ExitCode(listFailures(failures, of: found.count + (other?.count ?? 0), done: "scored"))
    }
  }

  private func score(_ predictions: String) throws -> Evaluation {
    try evaluatePredictions(
      predictions, references: references, inMillimetres: spacing == .mm, policy: empty, tolerance: tolerance,
      labels: try labelMeaning(dataset: dataset, references: references))
  }

  /// - Parameters:
  ///   - paired: the test against other predictions, which is all that is printed as JSON then.
  ///   - groups: means by phase and vendor.
  private func report(_ found: Evaluation, _ paired: [PairedScores]?, by groups: [ScoreGroup]?) throws {
    let check = try quality.map { try QualityCheck($0, against: found.table).text }
    if json {
      if let paired { try printJSON(paired) } else { print(found.table.json()) }
      if let check { complain(check) }
      return
    }
    print(found.table.text())
    if let groups { print(groupText(groups)) }
    if let paired { print("\(predictions!) less \(against!):\n" + pairedText(paired, title: found.table.title)) }
    printCaveat(ModelDescription(predictions: predictions!)?.caveat)
    if let check { print(check) }
  }

  private func scoreUnderBias(_ checkpoint: String, _ input: String) throws {
    try withWatchedRanks(watch, command: "evaluate") { world in
      Flight.mark(.start, detail: "checkpoint and images")
      let (model, cases) = try together(over: world) { _ in
        let model = try TrainedModel(checkpoint: checkpoint)
        return (model, try RawCases(in: input, channels: model.description.channelNames.count).cases)
      }
      let (scores, failures, warnings) = try evaluateUnderBias(
        cases, settings: bias, model: model, segmenter: model.segmenter(overlap: 0.5, weighting: .gaussian),
        references: references, inMillimetres: spacing == .mm, policy: empty, tolerance: tolerance, over: world)
      guard world.rank == 0 else { return failures.isEmpty ? 0 : 3 }
      if failures.count < cases.count { try report(scores, model) }
      for warning in warnings { complain("warning: \(warning)") }
      return listFailures(failures, of: cases.count, done: "scored")
    }
  }

  private func report(_ scores: [BiasedScores], _ model: TrainedModel) throws {
    if json { return try printJSON(scores.map(\.summary)) }
    print("\(model.description.network) of \(model.path) on \(input!) under SOBF's paper field, seed \(BiasSetting.seed):")
    print(biasTable(scores))
    printCaveat(model.description.caveat)
  }

  private func printCaveat(_ caveat: String?) { if let caveat { print(caveat) } }
}

extension EmptyPolicy: ExpressibleByArgument {}

extension BiasSetting: ExpressibleByArgument {
  public init?(argument: String) { self.init(argument) }
}
