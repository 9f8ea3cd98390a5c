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
  let predicted = try LabelMaps(predictions), truth = try LabelMaps(references)
  try truth.requireAllRead()
  let pairs = try paired(predicted, truth)
  return try decidePostprocessing(labels) { body in
    for pair in pairs {
      let maps = try pair.read()
      body(maps.prediction, maps.reference, maps.grid.extent)
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
    if let foreign = postprocessing.largestOf.joined().first(where: { !(1..<classNames.count).contains($0) }) {
      throw TrainingError(
        "\(path) decides on class \(foreign), which the network does not predict (it has \(classNames.count) with background): "
          + "decide on this network's predictions.")
    }
  }

  /// What was decided, a line for each class or region.
  public func text(_ meaning: LabelMeaning) -> String {
    let structures = meaning.regions?.map { $0.labels.sorted() } ?? diceBefore.keys.compactMap(Int.init).sorted().map { [$0] }
    func name(_ labels: [Int]) -> String {
      if let region = meaning.regions?.first(where: { $0.labels.sorted() == labels }) { return region.name }
      return labels[0] < meaning.classNames.count ? meaning.classNames[labels[0]] : "class \(labels[0])"
    }
    let kept = (postprocessing.largestForeground ? ["all foreground"] : []) + postprocessing.largestOf.map(name)
    return
      ([
        kept.isEmpty
          ? "Nothing is removed: no removal of small parts helps."
          : "Only the largest part stays of: \(kept.joined(separator: ", ")).",
        "Mean Dice of \(cases) cases, as predicted and after it:",
      ]
      + structures.compactMap { labels in
        let key = summaryName(of: labels)
        guard let before = diceBefore[key], let after = diceAfter[key] else { return nil }
        return "  \(name(labels))  \(before.formatted(decimals: 4))  \(after.formatted(decimals: 4))"
      }).joined(separator: "\n")
  }
}
