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
}

/// Scores every reference in `references` against the file of the same name in `predictions`.
///
/// - Parameters:
///   - inMillimetres: distances in millimetres by the reference's spacing, else in voxels.
///   - classNames: by label value; labels that occur beyond them are named by their number.
/// Errors: a reference without a prediction, all of them listed; no labelled voxel anywhere.
public func evaluatePredictions(
  _ predictions: String, references: String, inMillimetres: Bool, policy: EmptyPolicy, classNames: [String]
) throws -> Evaluation {
  let predicted = try LabelMaps(predictions), truth = try LabelMaps(references)
  try truth.requireAllRead()
  let pairs = try paired(predicted, truth)
  var table = ScoreTable(classNames: classNames, policy: policy, distanceUnit: inMillimetres ? "mm" : "voxels")
  var slips: [DataWarning] = []
  let failures = try forEachCase(pairs, over: .alone, detail: \.name) { pair in
    let (grid, comparison, warnings) = try compare(pair)
    table.add(pair.name, comparison, spacing: inMillimetres ? grid.spacing : Spacing(1, 1, 1))
    slips += warnings
  }
  guard !table.classes.isEmpty || !failures.isEmpty else {
    throw TrainingError("\(references) holds no labelled voxel, so nothing can be scored: check the folder.")
  }
  return Evaluation(
    table: table, failures: failures, warnings: listed(slips) + unneeded(predicted, by: Set(pairs.map(\.prediction))),
    count: pairs.count)
}

/// A prediction and its reference.
private struct LabelMapPair {
  let name, prediction, reference: String
}

/// Two files belong together; of folders, those of one name.
private func paired(_ predicted: LabelMaps, _ truth: LabelMaps) throws -> [LabelMapPair] {
  if predicted.paths.count == 1, truth.paths.count == 1, predicted.path == predicted.paths.values.first,
    truth.path == truth.paths.values.first
  {
    return [LabelMapPair(name: truth.cases[0], prediction: predicted.path, reference: truth.path)]
  }
  try predicted.require(truth.cases, cure: "predict every case, or remove its reference")
  return truth.cases.map { LabelMapPair(name: $0, prediction: predicted.paths[$0]!, reference: truth.paths[$0]!) }
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

/// Reads a pair and holds its maps against each other.
/// - Returns: the grid of the reference, the comparison, and what to say of the headers.
private func compare(_ pair: LabelMapPair) throws -> (FileGrid, LabelComparison, [DataWarning]) {
  let grid = try readGrid(pair.reference)
  let warnings = try gridWarnings(
    try readGrid(pair.prediction), of: pair.prediction, grid, of: pair.reference,
    cure: "write the prediction on the image's grid")
  let voxels = grid.dimensions.reduce(1) { $0 * Double($1) }
  try requireMemory(Int(min(1e18, 10 * voxels)), for: "reading both label maps", pair)
  let comparison = LabelComparison(
    prediction: try readLabels(pair.prediction).labels, reference: try readLabels(pair.reference).labels, extent: grid.extent)
  try requireMemory(comparison.distanceBytes, for: "finding surface distances", pair)
  return (grid, comparison, grid.warnings(of: pair.reference) + warnings)
}

private func requireMemory(_ bytes: Int, for user: String, _ pair: LabelMapPair) throws(TrainingError) {
  guard let problem = FreeMemory.shortage(of: bytes, for: user) else { return }
  throw TrainingError("\(pair.reference) is too large, \(problem): crop both maps, or take a machine with more memory.")
}
