// How the channels of a data set are normalised without a plan: as their names in dataset.json ask for, which is nnU-Net's habit, or as a person says.

import Preparation
import Volumes

/// What a person may ask for a channel.
public enum NormalizationChoice: String, Sendable, CaseIterable {
  /// Cut to the percentiles 0.5 and 99.5 of the foreground of all labelled cases, then by its mean and standard deviation.
  case ct
  /// By the mean and standard deviation of the crop.
  case zscore
  /// By those of the object, the voxels that are not zero and what they enclose; the others stay 0.
  case nonzero
  case none

  var scheme: ChannelNormalization.Scheme {
    switch self {
    case .ct: .ct
    case .zscore, .nonzero: .zScore
    case .none: .none
    }
  }
}

extension ChannelNormalization.Scheme {
  /// The scheme that nnU-Net takes for a channel of this name (MIC-DKFZ/nnUNet, map_channel_name_to_normalization.py).
  init(ofChannel name: String) { self = Self.named[name.lowercased()] ?? .zScore }

  private static let named: [String: Self] = [
    "ct": .ct, "nonorm": .none, "zscore": .zScore, "rescale_to_0_1": .rescale, "rgb_to_0_1": .rgb,
  ]
}

extension Dataset {
  /// The normalisation of each channel. A team reads the labelled cases where intensities of the whole data set are asked for. Collective.
  /// - Parameters:
  ///   - choices: one for each channel, or one for all; nil goes by the names of the channels.
  ///   - report: gets a line for each case that this process has measured.
  /// - Returns: nil where every channel is standardised over its crop, as preparation does by itself.
  /// Errors: another number of choices, labelled cases that cannot be measured.
  public func normalizations(
    _ choices: [NormalizationChoice]?, team: some PreparationTeam = SoloTeam(), report: (String) -> Void = { _ in }
  ) throws -> [ChannelNormalization]? {
    if let choices, choices.count != 1, choices.count != channelNames.count {
      throw PreparationError(
        "--normalization has \(choices.count) choices and \(folder) has the channels \(channelNames.joined(separator: ", ")): give one choice for "
          + "each, or one for all.")
    }
    let schemes = channelNames.indices.map { channel in
      choices.map { $0[$0.count == 1 ? 0 : channel].scheme } ?? .init(ofChannel: channelNames[channel])
    }
    let masks = channelNames.indices.map { channel in choices.map { $0[$0.count == 1 ? 0 : channel] == .nonzero } ?? false }
    guard zip(schemes, masks).contains(where: { $0.0 != .zScore || $0.1 }) else { return nil }
    let intensities = schemes.contains(.ct) ? try foregroundIntensities(team: team, report: report) : []
    return zip(schemes, masks).enumerated().map { channel, choice in
      ChannelNormalization(choice.0, usesMask: choice.1, foreground: choice.0 == .ct ? intensities[channel] : nil)
    }
  }

  private func foregroundIntensities(
    team: some PreparationTeam, report: (String) -> Void
  ) throws -> [ForegroundIntensity] {
    let found = try extractFingerprint(self, countsUnlabelled: false, team: team, report: report)
    return try DatasetFingerprint(text: found.text).intensities.map(ForegroundIntensity.init)
  }
}

extension ForegroundIntensity {
  init(_ found: IntensityProperties) {
    self.init(
      mean: found.mean, standardDeviation: found.standardDeviation, lowest: found.percentile0_5, highest: found.percentile99_5)
  }
}
