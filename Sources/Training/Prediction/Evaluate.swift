// `cohort evaluate`: label maps against references, one pair in memory at a time; every file is scored or named.

import Files
import Foundation
import MPI
import Metrics
import Volumes

/// What an evaluation found.
public struct Evaluation: Sendable {
  public var table: ScoreTable
  /// Pairs that could not be scored.
  public let failures: [CaseFailure]
  /// What the user should know: slips of headers, files that were not needed.
  public let warnings: [String]
  /// All pairs.
  public let count: Int
  /// The files of the cases that were scored.
  public let files: [ScoredFiles]
  /// What was scored in place of classes; nil: classes.
  public let regions: [LabelRegion]?
}

/// Scores every reference in `references` against the file of the same name in `predictions`.
///
/// - Parameters:
///   - inMillimetres: distances in millimetres by the reference's spacing, else in voxels.
///   - tolerance: of the surface Dice, in the unit of the distances.
///   - labels: what values mean; classes that occur beyond them are named by their number.
/// Errors: a reference without a prediction, all of them listed; no labelled voxel anywhere.
public func evaluatePredictions(
  _ predictions: String, references: String, inMillimetres: Bool, policy: EmptyPolicy, tolerance: Double = 1, labels: LabelMeaning
) throws -> Evaluation {
  let predicted = try LabelMaps(predictions), truth = try LabelMaps(references)
  try truth.requireAllRead()
  let pairs = try paired(predicted, truth)
  var table = ScoreTable(
    classNames: labels.structureNames, policy: policy, distanceUnit: inMillimetres ? "mm" : "voxels", tolerance: tolerance)
  var slips: [DataWarning] = [], files: [ScoredFiles] = []
  let failures = try forEachCase(pairs, over: .alone, detail: \.name) { pair in
    let maps = try pair.read(), spacing = inMillimetres ? maps.grid.spacing : Spacing(1, 1, 1)
    let both = LabelPair(prediction: maps.prediction, reference: maps.reference, extent: maps.grid.extent, labels)
    let comparisons = both.comparisons
    try pair.requireMemory(comparisons.map(\.distanceBytes).max() ?? 0, for: "finding surface distances")
    table.add(pair.name, comparisons, spacing: spacing)
    files.append(
      ScoredFiles(name: pair.name, prediction: pair.prediction, reference: pair.reference, voxels: both.voxels))
    slips += maps.warnings
  }
  guard !table.classes.isEmpty || !failures.isEmpty else {
    throw TrainingError("\(references) holds no labelled voxel, so nothing can be scored: check the folder.")
  }
  return Evaluation(
    table: table, failures: failures, warnings: listed(slips) + unneeded(predicted, by: Set(pairs.map(\.prediction))),
    count: pairs.count, files: files, regions: labels.regions)
}

private func unneeded(_ predicted: LabelMaps, by used: Set<String>) -> [String] {
  let left = predicted.paths.values.filter { !used.contains($0) }.sorted() + predicted.unread
  guard !left.isEmpty else { return [] }
  return [
    sentence(
      about: left, one: "has no reference and is not scored",
      many: "files of \(predicted.path) have no reference and are not scored",
      cure: "add the references if they should count")
  ]
}
