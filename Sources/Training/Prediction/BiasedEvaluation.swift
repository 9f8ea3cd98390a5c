// How a network bears bias fields that it was not shown (the robustness figure of visdomlab.github.io/ReLiF_3D, whose pairs we read
// as strengths of both fields): its test images under fields of fixed strength, predicted and scored.

import Cluster
import Foundation
import MPI
import Metrics
import Preparation
import Volumes

/// Strengths of a bias field: of the multiplicative part, 0 to below 1, and of the additive part in standard deviations of the
/// image.
public struct BiasSetting: Hashable, Sendable, Codable {
  public var multiplicative, additive: Double

  public init(multiplicative: Double, additive: Double) { (self.multiplicative, self.additive) = (multiplicative, additive) }

  /// Reads "0.15,0.05"; nil for anything else.
  public init?(_ text: String) {
    let numbers = text.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) }
    guard numbers.count == 2, let gain = numbers[0], let shift = numbers[1], (0..<1).contains(gain), shift >= 0, shift.isFinite
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

/// Predicts this rank's share of the cases (case i on rank i mod R) under every setting and scores it on the grid of its
/// reference.
/// - Parameters:
///   - references: a folder with a label map for each case.
///   - inMillimetres, policy: of distances, as in `evaluatePredictions`.
/// - Returns: the scores of each setting, to be `gathered`.
public func evaluateUnderBias(
  _ cases: [RawCase], settings: [BiasSetting], model: TrainedModel, segmenter: Segmenter, references: String,
  inMillimetres: Bool, policy: EmptyPolicy, rank: Int, ranks: Int
) throws -> [BiasedScores] {
  let files = try labelFiles(references), preparation = try PreparationSettings(text: model.description.preparation)
  let classNames = model.description.classNames
  let empty = ScoreTable(classNames: classNames, policy: policy, distanceUnit: inMillimetres ? "mm" : "voxels")
  var scores = settings.map { BiasedScores(setting: $0, table: empty) }
  for (number, item) in cases.enumerated() where number % ranks == rank {
    Flight.mark(.prediction, detail: item.identifier)
    guard let path = files[item.identifier] else {
      throw TrainingError("\(references) has no label map of \(item.identifier): add it, or remove the image.")
    }
    let reference = try readLabels(path)
    let prepared = try prepareForPrediction(
      images: item.images, settings: preparation, channels: model.description.channelNames.count)
    if let difference = sameGrid(prepared.frame.grid, reference.grid) {
      throw TrainingError("\(item.images[0]) and \(path) \(difference): use the label map of this image.")
    }
    for (index, setting) in settings.enumerated() {
      var biased = prepared
      setting.apply(to: &biased)
      let prediction = restoreLabels(
        scores: segmenter.probabilities(of: biased), classes: segmenter.classes, extent: prepared.extent,
        spacing: prepared.spacing, frame: prepared.frame)
      scores[index].table.add(
        item.identifier, prediction: prediction.labels, reference: reference.labels, extent: reference.extent,
        spacing: inMillimetres ? reference.spacing : Spacing(1, 1, 1))
    }
  }
  return scores
}
