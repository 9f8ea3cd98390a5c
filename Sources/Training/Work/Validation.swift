// Dice on whole volumes during training: every case is scored by exactly one rank, and every rank learns all scores.

import Cluster
import MPI
import Metrics
import Volumes

/// Scores of the validation cases.
public struct ValidationScores: Sendable, Equatable {
  public let cases: [String]
  /// The number of patches that were scored in place of whole volumes; 0: volumes.
  public var patches = 0
  /// Whether the Dice of each case is an estimate, because its truth is not known.
  public var isEstimated = false
  /// Dice of each case and foreground class, or region; nil where neither prediction nor reference has the class.
  public let dice: [[Double?]]

  /// Mean over cases of each foreground class, as `cohort evaluate` counts them; nil for a class that no case has.
  public var classMeans: [Double?] {
    (dice.first ?? []).indices.map { k in mean(dice.compactMap { $0[k] }) }
  }
  /// Mean over the classes that have one; 0 where none has.
  public var mean: Double { mean(classMeans.compactMap { $0 }) ?? 0 }

  private func mean(_ values: [Double]) -> Double? { values.isEmpty ? nil : values.reduce(0, +) / Double(values.count) }
}

extension ValidationScores {
  /// Segments and scores `cases`, case i on rank i mod R. Collective.
  /// - Parameter labels: segments a volume.
  init(
    of cases: [String], _ store: CaseStore, over world: borrowing Communicator, labels: (PackedCase) -> [UInt8]
  ) throws {
    let meaning = store.index.labels, structures = meaning.structures,
      own = Set(cases.indices.filter { $0 % world.size == world.rank })
    try self.init(of: cases, structures: structures.count, over: world) { number in
      guard own.contains(number) else { return nil }
      let volume = try store.volume(cases[number])
      Flight.mark(.validation, detail: cases[number])
      guard let reference = volume.label else {
        throw TrainingError("case \(cases[number]) has no label to validate on: prepare the data again.")
      }
      let prediction = labels(volume)
      return structures.map {
        Metrics.dice(prediction: prediction, reference: reference, labels: $0, ignored: meaning.ignored)
      }
    }
  }

  /// Gathers what the ranks found. Collective.
  /// - Parameters:
  ///   - structures: how many there are.
  ///   - dice: of a case, by its number; nil on a rank that does not score it. Ranks that score the same case find the same.
  init(
    of cases: [String], structures: Int, over world: borrowing Communicator, dice: (Int) throws -> [Double?]?
  ) throws {
    // One slot for each case and class; a rank fills the slots of its cases, so the sum over ranks is exact.
    var scores = [Double](repeating: 0, count: cases.count * structures), found = scores
    for number in cases.indices {
      for (place, value) in (try dice(number) ?? []).enumerated() {
        scores[number * structures + place] = value ?? 0
        found[number * structures + place] = value == nil ? 0 : 1
      }
    }
    Flight.mark(.validation, detail: "scores of all ranks")
    try world.allreduce(&scores, .sum)
    try world.allreduce(&found, .sum)
    let means = zip(scores, found).map { $1 > 0 ? $0 / $1 : nil }
    self.init(
      cases: cases, dice: cases.indices.map { Array(means[$0 * structures..<($0 + 1) * structures]) })
  }
}

/// Labelled cases that a run is not trained on.
public enum HeldOutCases: String, Codable, Sendable, CaseIterable {
  /// Those of `validation.cases` or `validation.fold`.
  case validation
  case test
}

/// Dice of a run's newest checkpoint on whole volumes, as prepared. Collective.
/// - Returns: names of classes or regions but background, and the scores.
public func heldOutScores(
  of configuration: RunConfiguration, on subject: HeldOutCases, over world: borrowing Communicator
) throws -> (names: [String], scores: ValidationScores) {
  let (store, cases, segmenter) = try together(over: world) { _ in
    let store = try CaseStore(folder: configuration.data, budget: 0)
    let split = try DataSplit(
      store.index, validation: configuration.validation, choice: configuration.labelledChoice, needsUnlabelled: false,
      data: configuration.data)
    let cases = subject == .test ? split.test : split.isHeldOut ? split.validation : []
    guard !cases.isEmpty else {
      throw TrainingError("\(configuration.data) has no \(subject.rawValue) cases with labels to score.")
    }
    let model = try TrainedModel(checkpoint: configuration.output)
    return (store, cases, model.segmenter(overlap: configuration.windowOverlap, weighting: configuration.windowWeighting))
  }
  let scores = try ValidationScores(of: cases, store, over: world, labels: segmenter.labels)
  return (Array(store.index.labels.structureNames.dropFirst()), scores)
}

extension StageScores {
  /// - Parameter names: of what is scored, after the background.
  init(_ scores: ValidationScores, _ split: DataSplit, names: [String], cases: CaseTable? = nil) {
    let isHeldOut = split.isHeldOut || scores.isEstimated, kind = isHeldOut ? "validation" : "training volumes"
    let classes = zip(names.dropFirst(), scores.classMeans).compactMap { name, mean in mean.map { (name: name, value: $0) } }
    var numbers = ["dice": scores.mean]
    for (name, value) in classes { numbers["dice." + name] = value }
    let name = scores.isEstimated ? "estimated Dice" : "Dice",
      patches = scores.patches == 0 ? "" : "\(scores.patches) patches of "
    let subject = scores.isEstimated ? "unlabelled volumes" : isHeldOut ? "validation cases" : kind
    let which = isHeldOut ? subject : "labelled training volumes (none are held out: validation.cases)"
    self.init(
      mean: scores.mean, isHeldOut: isHeldOut,
      text: "\(name) \(scores.mean.formatted(decimals: 4)) on \(patches)\(scores.cases.count) \(subject)",
      kind: isHeldOut ? "validation" : "trainingFit", numbers: numbers,
      heading: "\(name.prefix(1).uppercased() + name.dropFirst()) on \(patches)the \(which)",
      table: classes + [("mean", scores.mean)], cases: cases)
  }
}
