// Keys of a run file about SFR+ (Li et al., arXiv:2403.11229, section III.D): when a student's volumes teach SAM, and how long the turns of both are.

import Settings

/// The confidence from which on a volume teaches SAM, over the rounds.
public enum ConfidenceScheduleKind: String, Sendable, CaseIterable {
  /// confidence.threshold in all rounds (published).
  case constant
  /// From confidence.start in the first round to confidence.threshold after confidence.rounds rounds.
  case ramp
  /// The confidence that confidence.share of the volumes have.
  case quantile
}

/// The network whose confidence decides.
public enum ConfidenceSourceKind: String, Sendable, CaseIterable { case student, teacher }

public enum ConfidenceKeys {
  static let source = Setting(
    "confidence.source", default: ConfidenceSourceKind.student,
    "Network whose confidence decides and whose labels teach SAM: the student, or its teacher, the moving average of a method that has one."
  )
  static let schedule = Setting(
    "confidence.schedule", default: ConfidenceScheduleKind.constant,
    "Confidence from which on a volume teaches SAM: constant takes confidence.threshold, ramp goes there from confidence.start in "
      + "confidence.rounds rounds, quantile takes the most confident confidence.share of the volumes.")
  static let threshold = Setting(
    "confidence.threshold", default: 0.985, in: 0...1, "Mean of the largest class probabilities of a volume (published: 0.985).")
  static let start = Setting(
    "confidence.start", default: 0.95, in: 0...1, "Threshold of the first round, of confidence.schedule: ramp.")
  static let rounds = Setting(
    "confidence.rounds", default: 5, in: 1...1_000_000,
    "Rounds until the threshold is confidence.threshold, of confidence.schedule: ramp.")
  static let share = Setting(
    "confidence.share", default: 0.3, in: 0...1, "Share of the volumes that teach SAM, of confidence.schedule: quantile.")
  static let minimumForeground = Setting(
    "confidence.minimumForeground", default: 0.001, in: 0...1,
    "Share of foreground that a volume's labels must have to teach SAM: a student that sees nothing is sure of it.")
  static let minimumAgreement = Setting(
    "confidence.minimumAgreement", default: 0.0, in: 0...1,
    "Dice of SAM's and the student's labels that a volume must have to teach SAM.")
  static let labelsConfident = Setting(
    "confidence.labelConfident", default: false, .flag,
    "Let the student learn from SAM's labels of confident volumes as well, not of uncertain ones alone.")
  static let reTrainSteps = Setting(
    "sfrPlus.reTrain", default: 1000, in: 1...100_000_000, "Steps of the student in a round of work: sfr-plus.")
  static let fineTuneSteps = Setting(
    "sfrPlus.fineTune", default: 200, in: 1...100_000_000, "Steps of SAM in a round of work: sfr-plus, before the student's.")

  static let all: [any SettingDescription] = [
    source, schedule, threshold, start, rounds, share, minimumForeground, minimumAgreement, labelsConfident, reTrainSteps,
    fineTuneSteps,
  ]
}
