// Validation where no labelled volume can be held out: unlabelled volumes, whose Dice is estimated by the labelled ones (`ReverseAccuracy`). They are
// registered with each other once; after that a validation costs little more than one on held-out cases.

import Cluster
import MPI
import Preparation
import Registration
import Volumes

/// Estimates how good a network segments some of the unlabelled volumes. Each rank looks at those of its own lanes.
final class EstimatedValidation {
  /// More labelled volumes cost two registrations each for every volume.
  private static let mostLabelled = 5

  private let cases: [String]
  private let own: Set<String>
  private let store: CaseStore
  private let accuracy: ReverseAccuracy
  /// What registration found, by case.
  private var known: [String: (image: PreparedImage, ways: [ReverseWay])] = [:]

  /// - Parameter lanes: the unlabelled cases of this rank's lanes.
  /// - Returns: nil where the settings ask for no estimates.
  /// Errors: cases that are held out as well; no labelled or no unlabelled volume.
  init?(_ configuration: RunConfiguration, _ split: DataSplit, lanes: Set<String>, _ store: CaseStore) throws {
    let count = configuration[ValidationKeys.estimated], labelled = split.labelled.prefix(Self.mostLabelled)
    guard count > 0 else { return nil }
    guard !split.isHeldOut else {
      throw TrainingError(
        "validation.estimated is for runs that hold out no case: leave it out, or validation.cases and validation.fold.")
    }
    guard !labelled.isEmpty, !split.unlabelled.isEmpty else {
      throw TrainingError(
        "validation.estimated needs labelled and unlabelled volumes, and \(configuration.data) has \(split.labelled.count) and "
          + "\(split.unlabelled.count): leave it out.")
    }
    let all = split.unlabelled.sorted(), chosen = min(count, all.count), meaning = store.index.labels
    cases = (0..<chosen).map { all[$0 * all.count / chosen] }
    (self.store, own) = (store, lanes)
    let registration = Registration(
      millimetres: Registration.millimetres(for: labelled.map(store.index.entry).map { ($0.extent, $0.spacing) }))
    accuracy = ReverseAccuracy(
      registration: registration, classes: meaning.classNames.count, structures: meaning.structures,
      atlases: try labelled.map { identifier in
        let volume = try store.reader.read(identifier)
        return Atlas(image: registration.prepared(RegistrationImage(volume)), labels: volume.label ?? [])
      })
  }

  /// Estimated Dice of each case. Collective.
  /// - Parameter labels: segments a volume.
  func scores(over world: borrowing Communicator, labels: (PackedCase) -> [UInt8]) throws -> ValidationScores {
    var scores = try ValidationScores(of: cases, structures: accuracy.structures.count, over: world) { number in
      let identifier = cases[number]
      guard own.contains(identifier) else { return nil }
      Flight.mark(.validation, detail: identifier)
      let volume = try store.reader.read(identifier), (image, ways) = found(volume)
      return accuracy.agreement(of: labels(volume), on: image, along: ways).dice
    }
    scores.isEstimated = true
    return scores
  }

  private func found(_ volume: PackedCase) -> (image: PreparedImage, ways: [ReverseWay]) {
    if let found = known[volume.identifier] { return found }
    let image = accuracy.registration.prepared(RegistrationImage(volume)), found = (image, accuracy.ways(to: image))
    known[volume.identifier] = found
    return found
  }
}
