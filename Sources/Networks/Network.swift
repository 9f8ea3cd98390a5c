// What every network offers: parameters by state-dict name, and logits from an image.

import Learning
import Settings
import Tensors

/// A run file or a command line asked for a network that cannot be built.
public struct NetworkError: Error, CustomStringConvertible, Sendable {
  public let description: String
  public init(_ description: String) { self.description = description }
}

/// What a network is built from.
public struct NetworkPlan: Sendable {
  /// C of the image.
  public var inputChannels: Int
  /// K, background included.
  public var classes: Int
  /// Options by name, as text (`base=16`).
  public var options: [String: String]
  public var seed: UInt64

  public init(inputChannels: Int, classes: Int, options: [String: String] = [:], seed: UInt64) {
    self.inputChannels = inputChannels
    self.classes = classes
    self.options = options
    self.seed = seed
  }
}

/// How a forward pass is run.
public enum ForwardMode: Sendable {
  /// Batch statistics, and dropout with a pattern drawn from the key (one key for each view of each sample); nil: no dropout.
  case training(dropout: RandomKey?)
  /// Running statistics, no dropout.
  case evaluation
}

/// Halvings of the image from which on a lean tape keeps everything: these levels hold a fiftieth of the memory, but a sixth of the work.
let keptLevel = 3

/// A segmentation network.
public protocol Network: AnyObject, SendableMetatype {
  static var name: String { get }
  static var summary: String { get }
  /// All settings that a plan may give.
  static var options: [any SettingDescription] { get }
  /// What the names of its heads' arrays begin with: those whose shape depends on K.
  static var heads: String { get }

  /// The arrays of a network, before memory exists: for counting those of a network that is too large to make.
  static func specification(_ plan: NetworkPlan) throws(NetworkError) -> [ParameterSpecification]

  init(_ plan: NetworkPlan) throws(NetworkError)

  var parameters: ParameterSet { get }
  /// Running statistics of batch normalisations; nil where there are none.
  var statistics: RunningStatistics? { get }
  /// Each side of the patch (D, H, W) must be a multiple of this, in voxels.
  var divisor: [Int] { get }

  /// C of the feature maps at each level, finest first: those of the decoder (dec1, dec2, ...), then the bottleneck.
  var levelChannels: [Int] { get }

  /// Logits, and the features of `layers` in that order, with places on the tape. `featureProblem` lists the layers.
  /// - Shape: x [B, D, H, W, C]; logits [B, D, H, W, K]; features [B, d, h, w, c] on the layer's grid.
  func forward(
    _ x: Tensor, keeping layers: [FeatureLayer], mode: ForwardMode, on tape: Tape
  ) -> (logits: Tensor, features: [Tensor])
  /// The number of heads that `allLogits` returns.
  var headCount: Int { get }
  /// Logits of every head, for deep supervision: the highest resolution first, at which the result begins with `logits`.
  func allLogits(_ x: Tensor, mode: ForwardMode, on tape: Tape) -> [Tensor]
}

extension Network {
  /// The plan's options, checked.
  static func settings(_ plan: NetworkPlan) throws(NetworkError) -> SettingValues {
    do { return try SettingValues(plan.options, of: options, source: "network \(name)") } catch {
      throw NetworkError(error.description)
    }
  }

  public var statistics: RunningStatistics? { nil }
  public var headCount: Int { 1 }
  public func allLogits(_ x: Tensor, mode: ForwardMode, on tape: Tape) -> [Tensor] { [logits(x, mode: mode, on: tape)] }

  /// Everything that the state dict holds: parameters, and running statistics where there are some.
  public var state: [ParameterSet] { [parameters] + (statistics.map { [$0.buffers] } ?? []) }
}
