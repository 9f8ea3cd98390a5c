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

extension MethodWork {
  /// Predicts and scores `cases`, case i on rank i mod R. Collective.
  func dice(of cases: [String], over world: borrowing Communicator) throws -> ValidationScores {
    let classes = description.classNames.count - 1
    // One slot for each case and class; a rank fills the slots of its cases, so the sum over ranks is exact.
    var scores = [Double](repeating: 0, count: cases.count * classes), defined = scores
    for (number, identifier) in cases.enumerated() where number % world.size == world.rank {
      let volume = try store.volume(identifier)
      Flight.mark(.validation, detail: identifier)
      guard let reference = volume.label else {
        throw TrainingError("case \(identifier) has no label to validate on: prepare the data again.")
      }
      let prediction = segmenter.labels(of: volume)
      for label in 1...classes {
        let found = Metrics.dice(prediction: prediction, reference: reference, label: UInt8(label))
        guard let found else { continue }
        scores[number * classes + label - 1] = found
        defined[number * classes + label - 1] = 1
      }
    }
    Flight.mark(.validation, detail: "scores of all ranks")
    try world.allreduce(&scores, .sum)
    try world.allreduce(&defined, .sum)
    return ValidationScores(
      cases: cases,
      dice: cases.indices.map { number in
        (0..<classes).map { defined[number * classes + $0] > 0 ? scores[number * classes + $0] : nil }
      })
  }
}
