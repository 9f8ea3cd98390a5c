// What a method is built from: the network to train, the values of the method's own options, the prior that guides it.

import Learning
import Networks
import Settings

/// The network and the options that a run file gives a method.
public struct MethodPlan {
  public var networkName: String
  public var network: NetworkPlan
  /// Values of the method's `options`.
  public var options: SettingValues
  /// The frozen prior of the run; nil for `prior.kind: none`.
  public var prior: (any Prior)?
  /// The groups of volumes (phases) that the data tell apart; empty where they tell none.
  public var groups: [String]
  /// The labels of the data, background included: as many as the network has classes, unless it scores regions.
  public var labels: Int
  /// The labels of each region of the data, whose first is the one that it paints; nil where there are none.
  public var regions: [[Int]]?
  /// Whether the data have a label for voxels that count in no loss.
  public var hasIgnored: Bool
  /// D, H, W of crops, in voxels.
  public var patch: [Int]

  public init(
    networkName: String, network: NetworkPlan, options: SettingValues, patch: [Int], prior: (any Prior)? = nil,
    groups: [String] = [], labels: Int? = nil, regions: [[Int]]? = nil, hasIgnored: Bool = false
  ) {
    (self.networkName, self.network, self.options, self.patch) = (networkName, network, options, patch)
    (self.prior, self.groups) = (prior, groups)
    (self.labels, self.regions, self.hasIgnored) = (labels ?? network.classes, regions, hasIgnored)
  }

  /// The value of one of the method's options.
  public subscript<Value>(_ option: Setting<Value>) -> Value { options[option] }

  /// Builds a network of the plan; `seedOffset` makes a second network's first weights differ from the first's.
  /// - Parameter other: another kind of network, with its default options.
  public func makeNetwork(named other: String? = nil, seedOffset: UInt64 = 0) throws(MethodError) -> any Network {
    var plan = network
    plan.seed += seedOffset
    if other != nil { plan.options = [:] }
    do { return try Networks.makeNetwork(other ?? networkName, plan) } catch { throw MethodError(error.description) }
  }

  /// Builds the network of the plan, whose encoder and decoder the method runs apart.
  func makeEncoderDecoder(for method: any Method.Type) throws(MethodError) -> any EncoderDecoder {
    guard let network = try makeNetwork() as? any EncoderDecoder else {
      throw MethodError(
        "method \(method.name) runs encoder and decoder apart, which network \(networkName) cannot: take unet3d or vnet.")
    }
    return network
  }

  /// Builds the arrays of a second decoder for a network of the plan.
  func makeDecoder(of network: any EncoderDecoder, seedOffset: UInt64) throws(MethodError) -> ParameterSet {
    do { return try type(of: network).anotherDecoder(self.network, seed: self.network.seed + seedOffset) } catch {
      throw MethodError(error.description)
    }
  }

  /// The prior of a run whose method does nothing without one.
  /// - Parameter alternative: a line of the run file that does without.
  func requiredPrior(of method: any Method.Type, or alternative: String) throws(MethodError) -> any Prior {
    guard let prior else {
      throw MethodError("method \(method.name) asks a prior and the run has none: set prior.kind, or \(alternative).")
    }
    return prior
  }
}
