// `cohort postprocess decide`: what removals of small parts help on predictions of cases with references, kept in a file for `cohort predict`.

import Files
import Foundation
import MPI
import Metrics
import Volumes

/// Decides on all pairs of two folders, which must be predictions of cases that the networks were not trained on.
/// - Parameter labels: what values mean.
/// Errors: a reference without a prediction; any pair that cannot be read, since a decision on the others would be another one.
public func decidePostprocessing(predictions: String, references: String, labels: LabelMeaning) throws -> PostprocessingDecision {
  guard labels.regions == nil else {
    throw TrainingError(
      "\(references) has labels of regions that overlap, whose parts are not removed one by one: evaluate them as they are.")
  }
  let predicted = try LabelMaps(predictions), truth = try LabelMaps(references)
  try truth.requireAllRead()
  let pairs = try paired(predicted, truth)
  return try decidePostprocessing { body in
    for pair in pairs {
      let maps = try pair.read()
      let both = LabelPair(prediction: maps.prediction, reference: maps.reference, extent: maps.grid.extent, labels)
      body(both.prediction, both.reference, maps.grid.extent)
    }
  }
}

extension PostprocessingDecision {
  /// Errors: another file of this name; one that cannot be written. The same decision may be written again.
  public func write(to path: String) throws {
    try checkEnding(of: path, ".json", format: "JSON")
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    let url = URL(fileURLWithPath: path)
    try writeTexts(
      [url.lastPathComponent: String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"],
      to: (path as NSString).deletingLastPathComponent, reading: [])
  }

  /// Reads a decision. Errors: none, or one on other classes than a network predicts.
  /// - Parameter classNames: of the network; nil where it is not known.
  public init(path: String, classNames: [String]?) throws {
    let bytes = try readAll(path, atMost: 1 << 24)
    do { self = try JSONDecoder().decode(Self.self, from: Data(bytes)) } catch {
      throw TrainingError("\(path) is no decision of `cohort postprocess decide`: have it decide again.")
    }
    guard let classNames else { return }
    if let foreign = postprocessing.largestOfClasses.first(where: { !(1..<classNames.count).contains($0) }) {
      throw TrainingError(
        "\(path) decides on class \(foreign), which the network does not predict (it has \(classNames.count) with background): "
          + "decide on this network's predictions.")
    }
  }

  /// What was decided, a line for each class.
  public func text(classNames: [String]) -> String {
    func name(_ label: Int) -> String { label < classNames.count ? classNames[label] : "class \(label)" }
    let kept =
      (postprocessing.largestForeground ? ["all foreground"] : []) + postprocessing.largestOfClasses.map { name($0) }
    let labels = diceBefore.keys.compactMap(Int.init).sorted()
    return
      ([
        kept.isEmpty
          ? "Nothing is removed: no removal of small parts helps."
          : "Only the largest part stays of: \(kept.joined(separator: ", ")).",
        "Mean Dice of \(cases) cases, as predicted and after it:",
      ]
      + labels.map { label in
        let (before, after) = (diceBefore["\(label)"]!, diceAfter["\(label)"] ?? .nan)
        return "  \(name(label))  \(before.formatted(decimals: 4))  \(after.formatted(decimals: 4))"
      }).joined(separator: "\n")
  }
}
