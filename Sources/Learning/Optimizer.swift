// What an optimiser is: it moves a network's parameters along their averaged gradient. It does not depend on ranks, files or
// schedules.
// Axes: P floats of a network's parameters.

import Kernels
import Tensors

/// One way to move a network's parameters along their averaged gradient.
public protocol Optimizer: AnyObject, SendableMetatype {
  /// The name in a run file, for example "sgd".
  static var name: String { get }
  /// One line for lists.
  static var summary: String { get }
  /// Whether training passes it the tensors that no sample of a step used. An optimiser that scales small gradients up must leave
  /// these alone; for one that does not, their gradient is zero and they decay, as biases do in PyTorch that a normalisation makes
  /// idle.
  static var leavesUnusedAlone: Bool { get }
  /// The learning rate where none is asked for.
  static var usualLearningRate: Double { get }
  init(_ parameters: ParameterSet, _ settings: OptimizerSettings)
  /// State between steps, saved with a run: flat values [P], or one for each tensor of the set.
  var state: [(name: String, values: Tensor)] { get }
  /// Updates the parameters once with the averaged gradients [P].
  /// - Parameter present: whether, for each tensor of the set, any sample of the step gave it a gradient; nil means all. The others
  ///   stay as they are, with their state.
  func step(learningRate: Double, gradients: Tensor, present: [Bool]?)
}

extension Optimizer {
  /// Updates all parameters once with the averaged gradients [P].
  public func step(learningRate: Double, gradients: Tensor) {
    step(learningRate: learningRate, gradients: gradients, present: nil)
  }
}

/// Every optimiser; the first is the default. Add yours as one line.
public let optimizerCatalog: [any Optimizer.Type] = [
  StochasticGradientDescent.self,
  AdamW.self,
]

/// The optimiser called `name`.
public func optimizer(named name: String) throws(LearningError) -> any Optimizer.Type {
  guard let type = optimizerCatalog.first(where: { $0.name == name }) else {
    throw LearningError(
      "there is no optimiser \"\(name)\": choose one of \(optimizerCatalog.map { $0.name }.joined(separator: ", ")).")
  }
  return type
}

/// All numbers of all optimisers, each read by those that use it.
public struct OptimizerSettings: Sendable, Equatable {
  /// Share of the last step's direction that the next one keeps (sgd).
  public var momentum: Double
  /// Nesterov's form of momentum: looks ahead along the direction (sgd).
  public var nesterov: Bool
  /// Pull of every parameter towards zero (all).
  public var weightDecay: Double
  /// Share that the running mean of the gradients keeps (adamw).
  public var beta1: Double
  /// Share that the running mean of the squared gradients keeps (adamw).
  public var beta2: Double
  /// Added to the root of the squared gradients' mean (adamw).
  public var epsilon: Double

  public init(
    momentum: Double = 0.9, nesterov: Bool = false, weightDecay: Double = 1e-4, beta1: Double = 0.9, beta2: Double = 0.999,
    epsilon: Double = 1e-8
  ) {
    (self.momentum, self.nesterov, self.weightDecay) = (momentum, nesterov, weightDecay)
    (self.beta1, self.beta2, self.epsilon) = (beta1, beta2, epsilon)
  }
}

/// A run asked for an optimiser or a schedule that does not exist.
public struct LearningError: Error, CustomStringConvertible, Sendable {
  public let description: String
  public init(_ description: String) { self.description = description }
}

extension ParameterSet {
  /// Calls `body` with each longest run of floats whose neighbouring tensors are all present and have equal keys.
  func forEachRun<Key: Equatable>(present: [Bool]?, key: (_ tensor: Int) -> Key, _ body: (_ floats: Range<Int>, Key) -> Void) {
    require(
      present.map { $0.count == parameters.count } ?? true,
      "Optimizer.step: present has \(present?.count ?? 0) entries for \(parameters.count) tensors: give one for each.")
    var tensor = 0
    while tensor < parameters.count {
      let first = tensor, common = key(first)
      tensor += 1
      if let present, !present[first] { continue }
      while tensor < parameters.count, present?[tensor] ?? true, key(tensor) == common { tensor += 1 }
      let last = parameters[tensor - 1]
      body(parameters[first].offset..<last.offset + last.shape.count, common)
    }
  }
}
