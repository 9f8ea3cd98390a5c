// SAM's labels of unlabelled crops as a term of a student's objective, with whatever method the student is trained (SFR: Li et al., arXiv:2403.11229,
// section III.C, equations 4 and 7). Axes: D H W voxels of a crop.

import Kernels
import Learning
import Methods
import Networks
import Preparation
import Tensors

/// Labels unlabelled crops for a stage that trains a student.
final class StudentPseudoLabels {
  private let configuration: RunConfiguration
  private let store: CaseStore
  private let setup: SAMSetup?
  /// The bank of the stage before, for `pseudoLabels.kind: bank`; its key is part of checkpoints.
  var bank: PseudoLabelBank?
  private var volumes: [String: [UInt8]] = [:]
  private var labeller: SAMLabeller?

  /// - Returns: nil for `pseudoLabels.kind: none`.
  init?(_ configuration: RunConfiguration, _ store: CaseStore) throws {
    let kind = configuration[SFRKeys.pseudoLabels]
    if kind == .none { return nil }
    (self.configuration, self.store) = (configuration, store)
    let index = store.index
    setup =
      kind == .online ? try SAMSetup(configuration, classes: index.classNames.count, channels: index.channelNames.count) : nil
  }

  var carried: [CarriedVector] { setup.map { [$0.carried] } ?? [] }

  // MARK: From stage to stage

  private static let key = "pseudoLabels"

  var metadata: [String: String] {
    var metadata = setup?.metadata ?? [:]
    metadata[Self.key] = bank?.key
    return metadata
  }

  func check(metadata: [String: String]) throws {
    try setup?.check(metadata: metadata)
    if let key = metadata[Self.key] { bank = PseudoLabelBank(key: key, configuration) }
  }

  func takeOver(from earlier: any Work) throws -> String {
    if let setup {
      guard setup.takeOver(from: earlier) else {
        throw TrainingError(
          "pseudoLabels.kind: online needs the SAM of the stage before: put a stage with work: fine-tune-sam before it.")
      }
      return "labels crops with the SAM of the stage before"
    }
    guard let labelling = earlier as? PseudoLabelling else {
      throw TrainingError("pseudoLabels.kind: bank needs labels: put a stage with work: pseudo-label before it, or set online.")
    }
    bank = labelling.bank()
    return "learns from the pseudo-labels of the stage before"
  }

  // MARK: The term

  /// Reads the labels of the cases that this rank draws, so that a missing one is told before the first step.
  func prepare(_ identifiers: Set<String>) throws {
    labeller = setup.map(SAMLabeller.init)
    guard setup == nil else { return }
    guard let bank else {
      throw TrainingError("pseudoLabels.kind: bank has no stage with work: pseudo-label before it: add one, or set online.")
    }
    for identifier in identifiers.sorted() { volumes[identifier] = try bank.read(store.index.entry(identifier)).labels }
  }

  /// ½ (Dice + cross entropy) of the student's predictions of the unlabelled crops against SAM's labels.
  /// - Parameter predictions: those that the method made; if it made none, `network` makes them.
  func terms(
    _ batch: Batch, _ predictions: [Prediction], _ network: any Network, at step: Step, on tape: Tape
  ) -> [LossTerm] {
    let labels = batch.unlabelled.map(labels)
    let predictions = predictions.isEmpty ? network.predict(batch.unlabelled, .clean, at: step, on: tape) : predictions
    return pseudoLabelTerms(Array(zip(predictions, labels)), weight: weight(at: step), readsPrior: false, on: tape)
  }

  private func labels(of sample: Sample) -> [UInt8] {
    guard let place = sample.place, let image = sample.clean else {
      // A rehearsal: the size counts alone.
      return [UInt8](repeating: 0, count: configuration.patch.count)
    }
    if let labeller, let setup {
      return argmaxLabels(labeller.probabilities(crop: image.values), classes: setup.classes)
    }
    guard let volume = volumes[sample.identifier] else {
      fatalError("no pseudo-labels of \(sample.identifier): report this fault")
    }
    return place.cut(volume, outside: 0)
  }

  private func weight(at step: Step) -> Double {
    let share =
      switch configuration[SFRKeys.pseudoLabelSchedule] {
      case .constant: 1.0
      case .linearDecay: 1 - step.progress
      case .rampUp: exponential(-5 * (1 - step.progress) * (1 - step.progress))
      }
    return configuration[SFRKeys.pseudoLabelWeight] * share
  }
}

extension PseudoLabelBank {
  init(key: String, _ configuration: RunConfiguration) {
    self.init(key: key, data: configuration.data, fallback: configuration.output)
  }
}
