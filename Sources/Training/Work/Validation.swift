// Dice on whole volumes during training: every case is scored by exactly one rank, and every rank learns all scores.

import Cluster
import MPI
import Metrics
import Volumes

/// Scores of the validation cases.
public struct ValidationScores: Sendable, Equatable {
  public let cases: [String]
  /// Dice of each case and foreground class; nil where neither prediction nor reference has the class.
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
  /// - Parameters:
  ///   - classes: K.
  ///   - labels: segments a volume.
  init(
    of cases: [String], _ store: CaseStore, classes: Int, over world: borrowing Communicator, labels: (PackedCase) -> [UInt8]
  ) throws {
    let foreground = classes - 1
    // One slot for each case and class; a rank fills the slots of its cases, so the sum over ranks is exact.
    var scores = [Double](repeating: 0, count: cases.count * foreground), defined = scores
    for (number, identifier) in cases.enumerated() where number % world.size == world.rank {
      let volume = try store.volume(identifier)
      Flight.mark(.validation, detail: identifier)
      guard let reference = volume.label else {
        throw TrainingError("case \(identifier) has no label to validate on: prepare the data again.")
      }
      let prediction = labels(volume)
      for label in 1...foreground {
        let found = Metrics.dice(prediction: prediction, reference: reference, label: UInt8(label))
        guard let found else { continue }
        scores[number * foreground + label - 1] = found
        defined[number * foreground + label - 1] = 1
      }
    }
    Flight.mark(.validation, detail: "scores of all ranks")
    try world.allreduce(&scores, .sum)
    try world.allreduce(&defined, .sum)
    self.init(
      cases: cases,
      dice: cases.indices.map { number in
        (0..<foreground).map { defined[number * foreground + $0] > 0 ? scores[number * foreground + $0] : nil }
      })
  }
}

extension StageScores {
  /// - Parameter classNames: by label value.
  init(_ scores: ValidationScores, _ split: DataSplit, classNames: [String]) {
    let kind = split.isHeldOut ? "validation" : "training volumes"
    let classes = zip(classNames.dropFirst(), scores.classMeans).compactMap { name, mean in mean.map { (name: name, value: $0) } }
    var numbers = ["dice": scores.mean]
    for (name, value) in classes { numbers["dice." + name] = value }
    self.init(
      mean: scores.mean, isHeldOut: split.isHeldOut,
      text: "Dice \(scores.mean.formatted(decimals: 4)) on \(scores.cases.count) "
        + (split.isHeldOut ? "validation cases" : kind),
      kind: split.isHeldOut ? "validation" : "trainingFit", numbers: numbers,
      heading: "Dice on the "
        + (split.isHeldOut ? "validation cases" : "labelled training volumes (none are held out: validation.cases)"),
      table: classes + [("mean", scores.mean)])
  }
}
