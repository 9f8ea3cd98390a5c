// What a method is built from: the network to train and the method's own options.

import Networks

/// One option of a method: key in the run file below `method`, default and meaning.
public struct MethodOption: Sendable {
  public enum Value: Sendable, Equatable {
    case number(Double)
    case choice(String, of: [String])
  }
  public let name: String
  public let standard: Value
  public let meaning: String

  public init(_ name: String, _ standard: Value, _ meaning: String) {
    (self.name, self.standard, self.meaning) = (name, standard, meaning)
  }
}

/// The network and the options that a run file gives a method.
public struct MethodPlan {
  public var networkName: String
  public var network: NetworkPlan
  /// Values of options that differ from the default, as text.
  public var options: [String: String]
  /// The frozen prior of the run; nil for `prior.kind: none`.
  public var prior: (any Prior)?

  public init(networkName: String, network: NetworkPlan, options: [String: String] = [:], prior: (any Prior)? = nil) {
    (self.networkName, self.network, self.options, self.prior) = (networkName, network, options, prior)
  }

  /// Builds a network of the plan; `seedOffset` tells a second network's first weights from the first's.
  public func makeNetwork(seedOffset: UInt64 = 0) throws(MethodError) -> any Network {
    var plan = network
    plan.seed += seedOffset
    do { return try Networks.makeNetwork(networkName, plan) } catch { throw MethodError(error.description) }
  }

  func number(_ name: String, of method: any Method.Type, in range: ClosedRange<Double>) throws(MethodError) -> Double {
    guard case .number(let standard) = option(name, of: method).standard else { fatalError("option \(name) is no number") }
    guard let text = options[name] else { return standard }
    guard let value = Double(text), range.contains(value) else {
      throw MethodError(
        "method.\(name): \(text) must be a number from \(range.lowerBound) to \(range.upperBound) (\(standard) is the default).")
    }
    return value
  }

  func choice(_ name: String, of method: any Method.Type) throws(MethodError) -> String {
    guard case .choice(let standard, let allowed) = option(name, of: method).standard else {
      fatalError("option \(name) is no choice")
    }
    let value = options[name] ?? standard
    guard allowed.contains(value) else {
      throw MethodError("method.\(name): \(value) is none of \(allowed.joined(separator: ", ")).")
    }
    return value
  }

  /// The prior of a run whose method does nothing without one.
  /// - Parameter alternative: a line of the run file that does without.
  func requiredPrior(of method: any Method.Type, or alternative: String) throws(MethodError) -> any Prior {
    guard let prior else {
      throw MethodError("method \(method.name) asks a prior and the run has none: set prior.kind, or \(alternative).")
    }
    return prior
  }

  private func option(_ name: String, of method: any Method.Type) -> MethodOption {
    guard let option = method.options.first(where: { $0.name == name }) else {
      fatalError("method \(method.name) does not list its option \(name)")
    }
    return option
  }
}
