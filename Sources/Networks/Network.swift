// What every network offers: parameters by state-dict name, and logits from an image.

import Learning
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

/// One option of a network: its name, default and meaning.
public struct NetworkOption: Sendable {
  public let name: String
  public let standard: String
  public let meaning: String
}

/// How a forward pass is run.
public enum ForwardMode: Sendable {
  /// Dropout on, its pattern drawn from the key (one key for each view of each sample).
  case training(dropout: RandomKey)
  case evaluation
}

/// A segmentation network.
public protocol Network: AnyObject, SendableMetatype {
  static var name: String { get }
  static var summary: String { get }
  static var options: [NetworkOption] { get }

  init(_ plan: NetworkPlan) throws(NetworkError)

  var parameters: ParameterSet { get }
  /// Each side of the patch (D, H, W) must be a multiple of this, in voxels.
  var divisor: [Int] { get }

  /// - Shape: x [B, D, H, W, C]; result [B, D, H, W, K].
  func logits(_ x: Tensor, mode: ForwardMode, on tape: Tape) -> Tensor
}

extension Network {
  /// A text option read as a positive integer, after checking that all options are known.
  static func integerOption(_ name: String, in plan: NetworkPlan) throws(NetworkError) -> Int {
    for key in plan.options.keys where !options.contains(where: { $0.name == key }) {
      throw NetworkError(
        "network \(Self.name) has no option \"\(key)\": it knows \(options.map(\.name).joined(separator: ", ")).")
    }
    let text = plan.options[name] ?? options.first { $0.name == name }!.standard
    guard let value = Int(text), value > 0 else {
      throw NetworkError("network \(Self.name): option \(name)=\(text) must be a positive whole number.")
    }
    return value
  }
}
