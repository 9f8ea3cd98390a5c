// Whether the settings of SFR+ ever part the volumes: where all are on one side in every round, student and SAM do not teach each other, and the
// run is another method than the one that was asked for.

/// Remembers on which sides volumes have been.
package struct SideCheck {
  private let schedule: ConfidenceSchedule
  private var wereConfident = false, wereUncertain = false

  package init(_ schedule: ConfidenceSchedule) { self.schedule = schedule }

  /// Takes up the sides of a round.
  package mutating func remember(_ volumes: [VolumeConfidence]) {
    wereConfident = wereConfident || volumes.contains(where: \.isConfident)
    wereUncertain = wereUncertain || volumes.contains { !$0.isConfident }
  }

  /// What is wrong with the sides of a round, which need not be remembered yet: none was ever uncertain, or by the last round none ever confident;
  /// nil otherwise.
  package func warning(_ volumes: [VolumeConfidence], isLastRound: Bool) -> String? {
    let number = volumes.count(where: \.isConfident), range = Self.range(volumes)
    if !wereUncertain, number == volumes.count {
      return "no volume is uncertain, so that SAM teaches the student nothing: confidences are \(range), \(cure(raises: true))."
    }
    if !wereConfident, number == 0, isLastRound {
      return
        "no volume was confident in any round, so that the student taught SAM nothing: confidences are \(range), \(cure(raises: false))."
    }
    return nil
  }

  /// The lowest and the highest confidence of a round.
  package static func range(_ volumes: [VolumeConfidence]) -> String {
    let values = volumes.map(\.confidence)
    return "\((values.min() ?? 0).formatted(decimals: 4)) to \((values.max() ?? 0).formatted(decimals: 4))"
  }

  /// The setting and its value, and what to do about it.
  private func cure(raises: Bool) -> String {
    if schedule.kind == .quantile {
      let share = "confidence.share is \(schedule.share.formatted(decimals: 4))"
      return raises
        ? "\(share); lower it" : "\(share); raise it, or lower confidence.minimumForeground and confidence.minimumAgreement"
    }
    return "confidence.threshold is \(schedule.threshold.formatted(decimals: 4)); \(raises ? "raise" : "lower") it, or take "
      + "confidence.schedule: quantile"
  }
}
