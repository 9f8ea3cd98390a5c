// What must be known to use an exported network: texts that go with its weights, one for each fact; lists are JSON.

import Files
import Foundation
import Preparation
import Training
import Volumes

/// How the intensities of a channel become the network's input.
struct ChannelRule: Codable, Equatable {
  /// nnU-Net's name.
  var scheme: String
  /// The voxels that count and change: all of the crop, those of the channel that are not 0, or the object (those where a channel is not 0, and holes).
  var over: String
  /// Mean, standard deviation and percentiles of the data set's foreground, for CT.
  var foreground: ForegroundIntensity?

  /// The rules of all channels.
  static func all(_ settings: PreparationSettings, channels: Int) -> [ChannelRule] {
    guard let planned = settings.planned else {
      let over = settings.normalization == .nonzeroMask ? "nonzero" : "crop"
      return [ChannelRule](
        repeating: ChannelRule(scheme: ChannelNormalization.Scheme.zScore.rawValue, over: over), count: channels)
    }
    return planned.channels.map {
      ChannelRule(scheme: $0.scheme.rawValue, over: $0.usesMask ? "object" : "crop", foreground: $0.foreground)
    }
  }
}

/// The facts about a trained network.
struct ModelFacts {
  let settings: PreparationSettings
  let channels: [ChannelRule]
  let licence: String
  /// By name, for the texts of safetensors and ONNX.
  let texts: [String: String]

  init(_ model: TrainedModel, licence: String, command: String) throws {
    let description = model.description
    settings = try PreparationSettings(text: description.preparation)
    channels = ChannelRule.all(settings, channels: description.channelNames.count)
    self.licence = licence
    var texts = [
      "command": command, "step": "\(model.step)", "method": description.method, "network": description.network,
      "options": json(description.options), "channels": json(description.channelNames), "classes": json(description.classNames),
      "spacing": json(sides(settings.spacing)), "patch": json(sides(description.patch)), "normalization": json(channels),
      "preparation": description.preparation, "licence": licence,
    ]
    texts["regions"] = description.regions.map(json)
    texts["prior"] = description.prior
    texts["caveat"] = description.caveat
    texts["data"] = model.dataHash
    self.texts = texts
  }
}

/// D, H, W.
func sides(_ extent: Extent) -> [Int] { (0..<3).map { extent[$0] } }
/// D, H, W in millimetres.
func sides(_ spacing: Spacing) -> [Double] { (0..<3).map { spacing[$0] } }

private func json(_ value: some Encodable) -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  // Finite numbers and texts always have a JSON.
  return String(decoding: try! encoder.encode(value), as: UTF8.self)
}
