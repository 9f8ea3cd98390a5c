// How a network bears bias fields that it was not shown (the robustness figure of visdomlab.github.io/ReLiF_3D, whose pairs we read
// as strengths of both fields): its test images under fields of fixed strength, predicted and scored.

import Cluster
import Foundation
import MPI
import Metrics
import Preparation
import Volumes

/// Strengths of a bias field: of the multiplicative part, 0 to below 1, and of the additive part, 0 to 100 standard deviations of the
/// image.
public struct BiasSetting: Hashable, Sendable, Codable {
  public var multiplicative, additive: Double

  public init(multiplicative: Double, additive: Double) { (self.multiplicative, self.additive) = (multiplicative, additive) }

  /// Reads "0.15,0.05"; nil for anything else.
  public init?(_ text: String) {
    let numbers = text.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) }
    guard numbers.count == 2, let gain = numbers[0], let shift = numbers[1], (0..<1).contains(gain), (0...100).contains(shift)
    else { return nil }
    self.init(multiplicative: gain, additive: shift)
  }

  /// The seed of every volume's field, the same for all networks that are compared.
  public static let seed: UInt64 = 1337

  /// Puts SOBF's `paper` field at exactly these strengths on a whole normalised image, without a clamp. A volume has one field,
  /// whatever the strengths; 0, 0 changes no bit.
  package func apply(to volume: inout PackedCase) {
    var field = SOBF(preset: .paper)
    (field.multiplicativeStrength, field.additiveStrength, field.clamp) = (multiplicative, additive, .none)
    volume.image =
      field.apply(
        to: volume.image, extent: volume.extent, channels: volume.channels, seed: Self.seed, volume: volume.identifier, draw: 0,
        step: 1, total: 1
      ).image
  }
}

/// Predicts the cases under every setting and scores them on the grid of their references. The ranks share the cases out. Collective.
/// - Parameters:
///   - references: a folder with a label map for each case.
///   - inMillimetres, policy, tolerance: as in `evaluatePredictions`.
/// - Returns: the scores of each setting, of all ranks on every rank, the cases that failed, and slips of headers.
/// Errors: cases without a reference, all of them listed.
public func evaluateUnderBias(
  _ cases: [RawCase], settings: [BiasSetting], model: TrainedModel, segmenter: Segmenter, references: String,
  inMillimetres: Bool, policy: EmptyPolicy, tolerance: Double = 1, over world: borrowing Communicator
) throws -> (scores: [BiasedScores], failures: [CaseFailure], warnings: [String]) {
  let truth = try together(over: world) { _ in
    let truth = try LabelMaps(references)
    try truth.requireAllRead()
    try truth.require(cases.map(\.identifier), cure: "add it, or remove the image")
    return truth
  }
  // The image is kept while a copy with its field is predicted; the field itself has as many values.
  let reader = try CaseReader(model.description, segmenter, copies: 2, over: world)
  let labels = model.description.labels
  let empty = ScoreTable(
    classNames: labels.structureNames, policy: policy, distanceUnit: inMillimetres ? "mm" : "voxels", tolerance: tolerance)
  var scores = settings.map { BiasedScores(setting: $0, table: empty) }
  var slips: [DataWarning] = []
  let failures = try forEachCase(cases, over: world, detail: \.identifier) { item in
    slips += try reader.checkHeaders(of: item)
    let path = truth.paths[item.identifier]!, reference = try readLabels(path), prepared = try reader.prepare(item)
    slips += try gridWarnings(
      prepared.frame.grid, of: item.images[0], reference.grid, of: path, cure: "use the label map of this image")
    for (index, setting) in settings.enumerated() {
      var biased = prepared
      setting.apply(to: &biased)
      let prediction = segmenter.labelVolume(of: biased)
      scores[index].table.add(
        item.identifier,
        LabelPair(
          prediction: prediction.labels, reference: reference.labels, extent: reference.extent, labels
        ).comparisons,
        spacing: inMillimetres ? reference.spacing : Spacing(1, 1, 1))
    }
  }
  return (try joined(scores, over: world), failures, listed(try gathered(slips, over: world)))
}
