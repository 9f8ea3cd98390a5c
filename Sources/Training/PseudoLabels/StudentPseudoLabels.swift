// SAM's labels of unlabelled crops as a term of a student's objective, with whatever method the student is trained (SFR: Li et al., arXiv:2403.11229,
// section III.C, equations 4 and 7). Axes: D H W voxels of a crop.

import Cluster
import Foundation
import Kernels
import Learning
import MPI
import Methods
import Networks
import Preparation
import Tensors

/// Labels unlabelled crops for a stage that trains a student.
public final class StudentPseudoLabels {
  private enum Source {
    /// The bank of the stage before.
    case bank
    /// Registration with the labelled volumes.
    case registration
    /// SAM as the stage before left it.
    case online(SAMSetup)
    /// Whoever made this gives the labels of each round.
    case given
  }
  private let source: Source
  private let configuration: RunConfiguration
  private let store: CaseStore
  /// The bank of the stage before; its key is part of checkpoints.
  private var bank: PseudoLabelBank?
  /// Labels [D, H, W] of whole volumes, no class where a voxel teaches nothing; crops of other volumes have no such term.
  private var volumes: [String: [UInt8]] = [:]
  private var labeller: SAMLabeller?
  /// No volume of the run has labels, because registration is not trusted here: there is no term then, rather than one that is always 0.
  private var hasNoLabels = false
  /// Crops of this rank that had labels, and those of them that taught, since the program started.
  private var crops: (labelled: UInt64, taught: UInt64) = (0, 0)
  private var hasWarned = false

  /// - Returns: nil for `pseudoLabels.kind: none`.
  init?(_ configuration: RunConfiguration, _ store: CaseStore) throws {
    let kind = configuration[SFRKeys.pseudoLabels], index = store.index
    if kind == .none { return nil }
    (self.configuration, self.store) = (configuration, store)
    if kind == .online { try configuration.requireStudentsCrops(for: Self.online, instead: "bank") }
    source =
      switch kind {
      case .none, .bank: .bank
      case .registration: .registration
      case .online: .online(try SAMSetup(configuration, index))
      }
  }

  /// Labels that `give` brings.
  package init(given configuration: RunConfiguration, _ store: CaseStore) {
    (self.configuration, self.store, source) = (configuration, store, .given)
  }

  /// Takes the labels of whole volumes, in place of those before.
  package func give(_ volumes: [String: [UInt8]]) { self.volumes = volumes }

  private var setup: SAMSetup? { if case .online(let setup) = source { setup } else { nil } }
  var carried: [CarriedVector] { setup.map { [$0.carried] } ?? [] }

  // MARK: From stage to stage

  /// Under which key of a checkpoint's metadata the bank stands.
  static let key = "pseudoLabels"
  private static let online = "pseudoLabels.kind: online"

  var metadata: [String: String] {
    var metadata = setup?.metadata ?? [:]
    if case .registration = source { return metadata }
    metadata[Self.key] = bank?.key
    return metadata
  }

  func check(metadata: [String: String]) throws {
    try setup?.check(metadata: metadata)
    if let key = metadata[Self.key] { bank = PseudoLabelBank(key: key, configuration) }
  }

  func takeOver(from earlier: any Work) throws -> String? {
    switch source {
    case .given, .registration: return nil
    case .online(let setup):
      if setup.takeOver(from: earlier) { return "labels crops with the SAM of the stage before" }
      try setup.requireClasses(for: Self.online)
      return "labels crops with the SAM of sam.checkpoint and sam.adapters"
    case .bank:
      guard let labelling = earlier as? any LabelsVolumes else {
        throw TrainingError(
          "pseudoLabels.kind: bank needs labels: put a stage with work: pseudo-label or work: relabel before it, or set online.")
      }
      bank = labelling.bank
      return "learns from the pseudo-labels of the stage before"
    }
  }

  /// Reads the labels of the cases that this rank draws, so that a missing one is told before the first step. Collective.
  func prepare(_ split: DataSplit, lanes identifiers: Set<String>, over world: borrowing Communicator, console: Console) throws {
    if case .registration = source {
      let (labelled, table) = try RegistrationLabelling(configuration: configuration, store: store)
        .run(split, cases: identifiers, over: world, console: console)
      bank = labelled
      hasNoLabels = table.distrust != nil
      if hasNoLabels { return }
    }
    try together(over: world) { _ in try read(identifiers) }
  }

  private func read(_ identifiers: Set<String>) throws {
    switch source {
    case .given: break
    case .online(let setup):
      try setup.requireClasses(for: Self.online)
      labeller = SAMLabeller(setup)
    case .bank, .registration:
      guard let bank else {
        throw TrainingError("pseudoLabels.kind: bank has no stage with work: pseudo-label before it: add one, or set online.")
      }
      for identifier in identifiers.sorted() {
        let volume = try bank.read(store.index.entry(identifier))
        volumes[identifier] = volume.isSilent ? nil : volume.labels(leastCertainty: configuration[SFRKeys.pseudoLabelCertainty])
      }
    }
  }

  // MARK: The term

  /// Adds ½ (Dice + cross entropy) of the student's predictions of the unlabelled crops against their labels, where they have any and both agree
  /// enough; the share of such crops is logged.
  /// - Parameter terms: those of the method, with the predictions that it made; if it made none, `network` makes them.
  func add(to terms: inout LossTerms, _ batch: Batch, _ network: any Network, at step: Step, on tape: Tape) {
    if hasNoLabels { return }
    let predictions = terms.unlabelled.isEmpty ? network.predict(batch.unlabelled, .clean, at: step, on: tape) : terms.unlabelled
    let labelled = predictions.compactMap { prediction in labels(of: prediction.sample).map { (prediction, $0) } }
    let pairs = labelled.filter(agree)
    // Nothing is asked where nothing teaches, which is no fault of the objective.
    terms.terms += pseudoLabelTerms(pairs, weight: pairs.isEmpty ? 0 : weight(at: step), readsPrior: false, on: tape)
    terms.diagnostics.append(("pseudoCrops", Double(pairs.count) / Double(max(1, predictions.count))))
    crops = (crops.labelled + UInt64(labelled.count), crops.taught + UInt64(pairs.count))
  }

  /// A sentence, once, where no crop of any rank has taught. Collective.
  func warning(over world: borrowing Communicator) throws -> String? {
    let labelled = try world.allreduce(crops.labelled, .sum), taught = try world.allreduce(crops.taught, .sum)
    guard labelled > 0, taught == 0, !hasWarned else { return nil }
    hasWarned = true
    return
      "pseudo-labels have taught nothing so far: in none of \(labelled) crops do they agree with the student's own labels as "
      + "pseudoLabels.leastAgreement asks (\(configuration[SFRKeys.pseudoLabelAgreement])). Where the student is the worse of both, let all teach it: 0."
  }

  /// Whether the student sees nearly what the labels say: a SAM that labels badly does not pull it down.
  private func agree(_ prediction: Prediction, _ labels: [UInt8]) -> Bool {
    let least = configuration[SFRKeys.pseudoLabelAgreement]
    return least == 0 || LabelAgreement(likeliestLabels(prediction.logits), labels).dice >= least
  }

  private func labels(of sample: Sample) -> [UInt8]? {
    guard let place = sample.place, let image = sample.clean else {
      // A rehearsal: the size counts alone.
      return [UInt8](repeating: 0, count: configuration.patch.count)
    }
    if let labeller { return labeller.labels(crop: image.values) }
    return volumes[sample.identifier].map { place.cut(labels: $0) }
  }

  private func weight(at step: Step) -> Double {
    configuration[SFRKeys.pseudoLabelWeight] * configuration[SFRKeys.pseudoLabelSchedule].share(at: step)
  }
}

extension PseudoLabelSchedule {
  /// The share of the full weight, 0...1.
  package func share(at step: Step) -> Double {
    switch self {
    case .constant: 1
    case .linearDecay: 1 - step.progress
    case .rampUp: exponential(-5 * (1 - step.progress) * (1 - step.progress))
    }
  }
}

extension PseudoLabelBank {
  /// The bank of a key where it is: in the run folder, as labels of the run's own network are, or beside the data.
  init(key: String, _ configuration: RunConfiguration) {
    let run = configuration.output
    if FileManager.default.fileExists(atPath: "\(Self.folder(ofRun: run))/\(key)") {
      self.init(key: key, ofRun: run)
    } else {
      self.init(key: key, data: configuration.data, fallback: run)
    }
  }
}
