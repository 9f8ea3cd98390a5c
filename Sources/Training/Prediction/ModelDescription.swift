// What must be known to use a trained network again: kept as text in every checkpoint.

import Foundation
import Networks
import Preparation
import Volumes

/// A network, the data it expects and the classes it predicts.
public struct ModelDescription: Codable, Sendable, Equatable {
  public var method: String
  public var network: String
  public var options: [String: String]
  public var channelNames: [String]
  /// By label value; 0 is background.
  public var classNames: [String]
  /// Of prepared arrays, millimetres.
  public var spacing: Spacing
  /// The preparation's settings, as the packs' index states them.
  public var preparation: String
  public var patch: Extent
  public var seed: UInt64

  public init(_ configuration: RunConfiguration, _ index: PackIndex) throws(TrainingError) {
    guard let first = index.entries.first else {
      throw TrainingError("\(configuration.data) holds no case: run `cohort prepare` on a data set with images.")
    }
    method = configuration.text("method.name")
    network = configuration.text("network.name")
    options = configuration.options(of: "network")
    channelNames = index.channelNames
    classNames = index.classNames
    spacing = first.spacing
    preparation = index.preparation
    patch = configuration.patch
    seed = configuration.seed
  }

  public var plan: NetworkPlan {
    NetworkPlan(inputChannels: channelNames.count, classes: classNames.count, options: options, seed: seed)
  }

  /// A patch whose sides the network cannot halve as often as it must is refused before anything is computed.
  public func check(patch: Extent, divisor: [Int]) throws(TrainingError) {
    if let problem = patchProblem((0..<3).map { patch[$0] }, divisor: divisor, network: network) {
      throw TrainingError("patch: \(problem)")
    }
  }

  /// JSON with sorted keys: the same text for the same model.
  public var json: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try! encoder.encode(self), as: UTF8.self)
  }

  public init(json: String, from path: String) throws(TrainingError) {
    do { self = try JSONDecoder().decode(Self.self, from: Data(json.utf8)) } catch {
      throw TrainingError("\(path) does not describe its network: it was not written by `cohort train`.")
    }
  }
}
