// `cohort predict --quality`: how good each prediction is, estimated by the labelled volumes of the run.

import Cluster
import Foundation
import MPI
import Registration
import Volumes

/// How far the prediction of a case agrees with the labelled volumes.
package struct CaseAgreement: Codable {
  let identifier: String
  package let agreement: ReverseAgreement
}

/// Estimates how good predictions are.
public struct QualityEstimation {
  /// More labelled volumes than these add time, two registrations for each case and volume, but hardly accuracy.
  private static let mostLabelled = 5

  private let accuracy: ReverseAccuracy
  /// Of the structures, after the background.
  private let names: [String]

  /// Reads labelled volumes of the first of some networks, evenly spread over all that it was trained on.
  /// Errors: a checkpoint that names none; packs that are not there, or hold other volumes than the run had.
  public init(_ ensemble: ModelEnsemble) throws {
    let model = ensemble.models[0]
    guard let record = try LabelledRecord(metadata: model.metadata) else {
      throw TrainingError(
        "--quality needs labelled volumes, and \(model.path) names none that it was trained on: leave --quality out.")
    }
    let reader = try record.reader(for: model.path), count = min(Self.mostLabelled, record.cases.count)
    let chosen = (0..<count).map { record.cases[$0 * record.cases.count / count].identifier }
    let registration = Registration(
      millimetres: Registration.millimetres(for: chosen.map(reader.index.entry).map { ($0.extent, $0.spacing) }))
    let atlases = try chosen.map { identifier in
      let volume = try reader.read(identifier)
      return Atlas(image: registration.prepared(RegistrationImage(volume)), labels: volume.label ?? [])
    }
    let meaning = model.description.labels
    names = Array(meaning.structureNames.dropFirst())
    accuracy = ReverseAccuracy(
      registration: registration, classes: meaning.classNames.count, structures: meaning.structures, atlases: atlases)
  }

  /// - Parameter labels: on the grid of the volume's file.
  package func agreement(of labels: LabelVolume, on volume: PackedCase) -> CaseAgreement {
    let image = accuracy.registration.prepared(RegistrationImage(volume))
    return CaseAgreement(
      identifier: volume.identifier, agreement: accuracy.agreement(of: volume.prepared(labels: labels.labels), on: image))
  }

  /// The estimates of all ranks' cases, the same on every rank. Collective.
  func table(_ own: [CaseAgreement], over world: borrowing Communicator) throws -> QualityTable {
    let all = try gathered(own, over: world).sorted { $0.identifier < $1.identifier }
    return QualityTable(all, names: names, labelled: accuracy.atlases.count, ceiling: try ceiling(over: world))
  }

  /// How far the labels of labelled volumes agree with each other's, for each structure; nil where no two have it. Each rank compares its share of the
  /// pairs. Collective.
  private func ceiling(over world: borrowing Communicator) throws -> [Double?] {
    let atlases = accuracy.atlases.indices, pairs = atlases.flatMap { first in atlases[..<first].map { (first, $0) } }
    let own = try together(over: world) { world in
      stride(from: world.rank, to: pairs.count, by: world.size).map { number in
        Flight.mark(.prediction, detail: "labelled volumes")
        return NumberedAgreement(number: number, agreement: accuracy.ceiling(pairs[number].0, pairs[number].1))
      }
    }
    let found = try gathered(own, over: world).sorted { $0.number < $1.number }
    return names.indices.map { structure in mean(found.compactMap { $0.agreement.dice[structure] }) }
  }
}

private struct NumberedAgreement: Codable {
  let number: Int
  let agreement: ReverseAgreement
}

/// Nil for no values.
func mean(_ values: [Double]) -> Double? { values.isEmpty ? nil : values.reduce(0, +) / Double(values.count) }
