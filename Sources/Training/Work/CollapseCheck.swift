// Two networks that teach each other can agree to call everything background. The share of foreground that they see in unlabelled crops, of each phase,
// is watched, and a phase in which there is hardly any for long is named once.

/// Watches the diagnostics `foreground` and `foreground.PHASE`.
package struct CollapseCheck {
  /// Steps in a row in which a phase was drawn and hardly had foreground.
  package static let patience = 50
  /// Less than this share of the voxels is hardly any.
  static let leastShare = 1e-4
  private var streaks: [String: Int] = [:]

  package init() {}

  /// - Parameter means: the numbers of a step by name.
  /// - Returns: the messages that are due after it.
  package mutating func messages(_ means: [String: Double]) -> [String] {
    var messages: [String] = []
    for (name, share) in means.sorted(by: { $0.key < $1.key }) where name == "foreground" || name.hasPrefix("foreground.") {
      streaks[name] = share < Self.leastShare ? streaks[name, default: 0] + 1 : 0
      guard streaks[name] == Self.patience else { continue }
      let phase = name.split(separator: ".", maxSplits: 1).dropFirst().first.map { " of phase \($0)" } ?? ""
      messages.append(
        "both networks called unlabelled crops\(phase) background in \(Self.patience) steps in a row: the pair may have collapsed there; start with a "
          + "lower method.consistencyWeight, a longer method.rampEpochs or more augmentation.")
    }
    return messages
  }
}
