// Which cases train, which validate and which test: decided by role and by the run file, the same on every rank.

import Settings
import Volumes

/// The identifiers of a prepared data set by their use in a run, each list sorted.
public struct DataSplit: Sendable, Equatable {
  public let labelled: [String]
  public let unlabelled: [String]
  /// Held-out labelled cases, or the labelled training cases where none are held out.
  public let validation: [String]
  /// Whether `validation` was kept out of training.
  public let isHeldOut: Bool
  /// Test cases that have a label.
  public let test: [String]

  /// - Parameter limit: labelled cases to train on, the first by name; the others are images without a label. 0: all.
  public init(
    _ index: PackIndex, validation heldOut: [String], limit: Int, needsUnlabelled: Bool, data: String
  ) throws(TrainingError) {
    let all = index.entries.filter { $0.role == .labelled }.map(\.identifier).sorted()
    for identifier in heldOut where !all.contains(identifier) {
      let hint = nearestName(to: identifier, among: all).map { ": did you mean \"\($0)\"?" } ?? "."
      throw TrainingError("validation.cases names \"\(identifier)\", which is no labelled case of \(data)\(hint)")
    }
    let known = all.filter { !heldOut.contains($0) }, unknown = index.entries.filter { $0.role == .unlabelled }.map(\.identifier)
    guard limit <= known.count else {
      throw TrainingError(
        "labelled is \(limit), but \(data) has \(known.count) labelled cases to train on: ask for fewer, or 0 for all.")
    }
    labelled = limit > 0 ? Array(known.prefix(limit)) : known
    unlabelled = (unknown + known.dropFirst(labelled.count)).sorted()
    isHeldOut = !heldOut.isEmpty
    validation = isHeldOut ? heldOut.sorted() : labelled
    test = index.entries.filter { $0.role == .test && $0.hasLabel }.map(\.identifier).sorted()
    guard !labelled.isEmpty else {
      throw TrainingError("\(data) has no labelled case left to train on: add a labelled volume or shorten validation.cases.")
    }
    guard !needsUnlabelled || !unlabelled.isEmpty else {
      throw TrainingError(
        "\(data) has no unlabelled case, which this method needs: add images to imagesUn, or take method: supervised.")
    }
  }
}
