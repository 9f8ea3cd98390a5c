// What must be known to use a trained network again: kept as text in every checkpoint.

import Files
import Foundation
import Methods
import Networks
import Preparation
import Volumes

/// A network, the data it expects and the classes it predicts.
public struct ModelDescription: Codable, Sendable, Equatable {
  public var method: String
  public var network: String
  /// The name under which checkpoints hold the parameters of the network that predicts; nil in those of earlier versions.
  public var predictor: String?
  public var options: [String: String]
  public var channelNames: [String]
  /// The class names by label value; 0 is background.
  public var classNames: [String]
  /// The labels of each region that the network scores in place of classes; nil: it scores classes.
  public var regions: [[Int]]?
  /// Whether label maps may hold the value after the last class, for voxels of which nothing is known; nil: they may not.
  public var hasIgnored: Bool?
  /// The spacing of prepared arrays, mm.
  public var spacing: Spacing
  /// The preparation's settings, as the packs' index states them.
  public var preparation: String
  public var patch: Extent
  /// The axes along which training mirrored patches; nil in checkpoints of earlier versions, which do not tell.
  public var mirrored: FlipAxes?
  /// Where training placed patches, which decides what continues a volume that is smaller than one; nil in checkpoints of earlier versions: inside.
  public var placement: PatchPlacement?
  public var seed: UInt64
  /// What the frozen prior that guided the training is called; nil for none.
  public var prior: String?
  /// What must stand beside results: that the prior has seen labels of this data set.
  public var caveat: String?
  /// How it was used, beside predictions.
  public var use: ModelUse?

  public init(_ configuration: RunConfiguration, _ index: PackIndex) throws(TrainingError) {
    guard let first = index.entries.first else {
      throw TrainingError("\(configuration.data) holds no case: run `cohort prepare` on a data set with images.")
    }
    method = configuration.methodName
    network = configuration.networkName
    options = configuration.networkOptions.given
    channelNames = index.channelNames
    classNames = index.classNames
    let method = methodCatalog.first { $0.name == configuration.methodName }
    regions = method?.regions(configuration.methodOptions, data: index.labels.regions?.map(\.labels))
    hasIgnored = index.labels.hasIgnored ? true : nil
    spacing = first.spacing
    preparation = index.preparation
    patch = configuration.patch
    mirrored = configuration.augmentationKind == .none ? [] : configuration.flipAxes
    placement = configuration.placement
    seed = configuration.seed
  }

  /// What the values of label maps mean. A region has the name of the label that it paints.
  public var labels: LabelMeaning {
    LabelMeaning(
      classNames: classNames, regions: regions?.map { LabelRegion(name: classNames[$0[0]], labels: $0) },
      hasIgnored: hasIgnored ?? false)
  }

  /// Records the prior of a run on these cases.
  mutating func record(prior title: String?, data: String, cases: [String]) {
    prior = title
    caveat = title == PriorNetwork.publishedTitle ? priorCaveat(names: [data], cases: cases) : nil
  }

  public var plan: NetworkPlan {
    NetworkPlan(inputChannels: channelNames.count, classes: regions?.count ?? classNames.count, options: options, seed: seed)
  }

  /// A patch whose sides the network cannot halve as often as it must is refused before anything is computed.
  public func check(patch: Extent, divisor: [Int]) throws(TrainingError) {
    if let problem = patchProblem((0..<3).map { patch[$0] }, divisor: divisor, network: network) {
      throw TrainingError("patch: \(problem)")
    }
  }

  /// The file beside predictions that names what made them.
  public static let fileName = "prediction.json"

  /// What made the predictions of a folder; nil where that is unknown.
  public init?(predictions folder: String) {
    let path = folder + "/" + Self.fileName
    guard let text = try? readText(path, atMost: 1 << 24), let found = try? Self(json: text, from: path) else {
      return nil
    }
    self = found
  }

  /// JSON with sorted keys: the same text for the same model.
  public var json: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try! encoder.encode(self), as: UTF8.self)
  }

  /// Errors: anything but the description of a network that can be made, and of data that can be prepared for it.
  public init(json: String, from path: String) throws(TrainingError) {
    do { self = try JSONDecoder().decode(Self.self, from: Data(json.utf8)) } catch {
      throw TrainingError("\(path) does not describe its network: it was not written by `cohort train`.")
    }
    let sides = (0..<3).map { patch[$0] }
    guard sides.allSatisfy({ 1...longestPatchSide ~= $0 }) else {
      throw TrainingError("\(path) describes a network for patches of \(patch), which cannot be: use another checkpoint.")
    }
    guard (0..<3).allSatisfy({ 1e-6...1e6 ~= spacing[$0] }) else {
      throw TrainingError("\(path) describes a network for voxels of \(spacing), which cannot be: use another checkpoint.")
    }
    do {
      try check(patch: patch, divisor: Networks.network(named: network, for: plan).specification(plan).divisor)
    } catch { throw TrainingError("\(path) describes no network: \(error)") }
  }
}
