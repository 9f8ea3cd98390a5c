// The scheduler of SFR+ (Li et al., arXiv:2403.11229, section III.D, equation 8): how sure a student is of a volume, and on which side that
// puts it. The paper states the measure and the threshold 0.985; schedules and the guard against collapse are ours.

import Foundation

/// What is known of a volume in a round.
package struct VolumeConfidence: Codable, Equatable {
  package var identifier: String
  /// The mean over voxels of the student's largest class probability.
  package var confidence: Double
  /// The share of foreground in the student's labels.
  package var foreground: Double
  /// The mean Dice over classes of SAM's and the student's labels.
  package var agreement: Double
  /// Whether it teaches SAM. Otherwise SAM teaches the student on it.
  package var isConfident: Bool

  /// - Parameters:
  ///   - probabilities: the student's, [D, H, W, K].
  ///   - labels: their largest, and SAM's, [D, H, W].
  package init(_ identifier: String, probabilities: [Float], classes: Int, labels: [UInt8], sam: [UInt8]) {
    (self.identifier, isConfident) = (identifier, false)
    var sum = 0.0, inBoth = [Int](repeating: 0, count: classes), sizes = inBoth, foreground = 0
    for voxel in labels.indices {
      sum += Double(probabilities[voxel * classes + Int(labels[voxel])])
      if labels[voxel] > 0 { foreground += 1 }
      if labels[voxel] == sam[voxel] { inBoth[Int(labels[voxel])] += 1 }
      sizes[Int(labels[voxel])] += 1
      sizes[Int(sam[voxel])] += 1
    }
    confidence = sum / Double(labels.count)
    self.foreground = Double(foreground) / Double(labels.count)
    let dice = (1..<classes).filter { sizes[$0] > 0 }.map { 2 * Double(inBoth[$0]) / Double(sizes[$0]) }
    agreement = dice.isEmpty ? 0 : dice.reduce(0, +) / Double(dice.count)
  }

  package init(_ identifier: String, confidence: Double, foreground: Double, agreement: Double, isConfident: Bool = false) {
    (self.identifier, self.confidence, self.foreground) = (identifier, confidence, foreground)
    (self.agreement, self.isConfident) = (agreement, isConfident)
  }

  init(_ identifier: String, numbers: ArraySlice<Double>) {
    let numbers = Array(numbers)
    self.init(identifier, confidence: numbers[0], foreground: numbers[1], agreement: numbers[2])
  }

  var numbers: [Double] { [confidence, foreground, agreement] }
}

/// From which confidence on volumes teach SAM.
package struct ConfidenceSchedule {
  let kind: ConfidenceScheduleKind
  let threshold, start, share, minimumForeground, minimumAgreement: Double
  let rounds: Int

  package init(_ configuration: RunConfiguration) {
    kind = configuration[ConfidenceKeys.schedule]
    (threshold, start) = (configuration[ConfidenceKeys.threshold], configuration[ConfidenceKeys.start])
    (share, rounds) = (configuration[ConfidenceKeys.share], configuration[ConfidenceKeys.rounds])
    minimumForeground = configuration[ConfidenceKeys.minimumForeground]
    minimumAgreement = configuration[ConfidenceKeys.minimumAgreement]
  }

  /// The threshold of a round, from 1; above every confidence where no volume is to teach.
  package func threshold(round: Int, _ confidences: [Double]) -> Double {
    switch kind {
    case .constant: return threshold
    case .ramp: return start + (threshold - start) * min(1, Double(round - 1) / Double(rounds))
    case .quantile:
      let chosen = Int((share * Double(confidences.count)).rounded(.down))
      return chosen == 0 ? .infinity : confidences.sorted(by: >)[chosen - 1]
    }
  }

  /// Puts each volume on its side.
  package func partition(_ volumes: [VolumeConfidence], round: Int) -> [VolumeConfidence] {
    let threshold = threshold(round: round, volumes.map(\.confidence))
    return volumes.map { volume in
      var volume = volume
      volume.isConfident = passes(volume, threshold)
      return volume
    }
  }

  /// Whether a volume could teach SAM, whatever the others' confidences.
  package func mayPass(_ volume: VolumeConfidence) -> Bool {
    passes(volume, kind == .quantile ? -.infinity : min(threshold, kind == .ramp ? start : threshold))
  }

  /// Whether a volume is on the side that teaches SAM.
  private func passes(_ volume: VolumeConfidence, _ threshold: Double) -> Bool {
    volume.confidence >= threshold && volume.foreground >= minimumForeground && volume.agreement >= minimumAgreement
  }
}

/// What all ranks go by in a round: rank 0's decision, as checkpoints hold it.
package struct RoundDecision: Codable, Equatable {
  private static let version = 1
  private var version = RoundDecision.version
  /// Rounds from 0, in which nobody has decided yet.
  package var round: Int
  /// The key of the bank with SAM's labels.
  package var labels: String
  /// Empty in round 0.
  package var volumes: [VolumeConfidence]

  package init(round: Int, labels: String, volumes: [VolumeConfidence] = []) {
    (self.round, self.labels, self.volumes) = (round, labels, volumes)
  }

  /// JSON with sorted keys: the same text for the same decision.
  package var text: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys]
      return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
  }

  package init(text: String) throws(TrainingError) {
    do { self = try JSONDecoder().decode(Self.self, from: Data(text.utf8)) } catch {
      throw TrainingError("the decision of a round cannot be read: the checkpoint is of another version; start a new run.")
    }
    guard version == Self.version else {
      throw TrainingError("the decision of a round has version \(version), not \(Self.version): start a new run.")
    }
  }
}
