// What a semi-supervised method is: networks to train, state to carry, and loss terms for a batch. It does not depend on ranks,
// files or checkpoints. Axes: B batch, D H W voxels, C channels, K classes.

import Learning
import Networks
import Preparation
import Settings
import Tensors

/// A run file asked for a method that cannot be built, or a method met data it cannot use.
public struct MethodError: Error, CustomStringConvertible, Sendable {
  public let description: String
  public init(_ description: String) { self.description = description }
}

/// Parameters whose gradients are averaged over ranks and which an optimiser updates, and running statistics that are averaged with them.
/// The name is part of checkpoints.
public struct TrainedModule {
  public let name: String
  public let parameters: ParameterSet
  public let statistics: RunningStatistics?

  public init(_ name: String, _ parameters: ParameterSet, statistics: RunningStatistics? = nil) {
    (self.name, self.parameters, self.statistics) = (name, parameters, statistics)
  }

  public init(_ name: String, _ network: any Network) {
    self.init(name, network.parameters, statistics: network.statistics)
  }
}

/// State that is saved and restored but not descended on: a teacher, class counts. Every rank updates it alike from equal inputs.
public struct CarriedVector {
  public let name: String
  public let values: Tensor

  public init(_ name: String, _ values: Tensor) { (self.name, self.values) = (name, values) }
}

/// A named loss and its weight in the objective.
public struct LossTerm {
  public let name: String
  public let scalar: Scalar
  public let weight: Double
  /// Whether the value must change when the prior is negated: what the check of the first steps asks of it.
  public let readsPrior: Bool

  public init(_ name: String, _ scalar: Scalar, weight: Double, readsPrior: Bool = false) {
    (self.name, self.scalar, self.weight, self.readsPrior) = (name, scalar, weight, readsPrior)
  }
}

/// The result of a method for one lane's batch.
public struct LossTerms {
  public var terms: [LossTerm]
  /// Numbers to log beside the losses (gate coverage), averaged over lanes.
  public var diagnostics: [(name: String, value: Double)]
  /// The trained network's predictions of the clean unlabelled crops, for terms that others add; empty if the method makes none.
  package var unlabelled: [Prediction]

  public init(_ terms: [LossTerm], diagnostics: [(name: String, value: Double)] = []) {
    (self.terms, self.diagnostics, unlabelled) = (terms, diagnostics, [])
  }

  /// Σ weight · loss.
  public var total: Double { terms.reduce(0) { $0 + $1.weight * $1.scalar.value } }

  /// The terms of one name: their weights' sum, and the mean of their values by weight.
  public struct Group {
    public let terms: [LossTerm]
    public let weight, value: Double

    init(_ terms: [LossTerm]) {
      let sum = terms.reduce(0) { $0 + $1.weight }
      (self.terms, weight) = (terms, sum)
      value = terms.reduce(0) { $0 + $1.scalar.value * (sum == 0 ? 1 / Double(terms.count) : $1.weight / sum) }
    }
  }

  /// Terms of several samples put together by name, in the order of their first.
  public var byName: [(name: String, group: Group)] {
    var names: [String] = []
    for term in terms where !names.contains(term.name) { names.append(term.name) }
    return names.map { name in (name, Group(terms.filter { $0.name == name })) }
  }
}

/// One semi-supervised method: data about a step.
public protocol Method: AnyObject, SendableMetatype {
  static var name: String { get }
  static var summary: String { get }
  /// All settings of the method: keys of the run file below `method`.
  static var options: [any SettingDescription] { get }
  /// Whether the method, with these options, uses `MethodPlan.prior`; else none is made.
  static func usesPrior(_ options: SettingValues) -> Bool
  /// Whether the method, with these options, needs the class of every voxel of a labelled crop, for more than a supervised loss.
  static func needsEveryLabel(_ options: SettingValues) -> Bool
  /// The labels of each region that the method's network scores by a sigmoid; nil: it scores classes by a softmax. A voxel in several gets the
  /// first label of the last of them.
  /// - Parameter data: the regions of the data set; nil where it has none.
  static func regions(_ options: SettingValues, data: [[Int]]?) -> [[Int]]?
  /// Whether the method trains two students and no more, each of which can be computed by a `Partner` of its own.
  static var hasTwoStudents: Bool { get }

  init(_ plan: MethodPlan) throws(MethodError)

  /// One student, two (cross pseudo supervision), or a module beside it; in a fixed order.
  var trained: [TrainedModule] { get }
  /// Teachers and counts: saved and restored with the run.
  var carried: [CarriedVector] { get }
  /// The network that predicts after training.
  var predictor: any Network { get }
  /// What each lane's batch must hold.
  var recipe: BatchRecipe { get }

  /// Positions in `trained` of the modules that this step updates: all of them, unless the method alternates (SFR+).
  func updated(at step: Step) -> [Int]
  /// Whether losses need `Batch.sums`; the same in every step.
  var countsBatches: Bool { get }
  /// Counts what losses need to know of the batches of all lanes, in one of them: as many numbers in every lane.
  func counts(_ batch: Batch, at step: Step) throws(MethodError) -> [Double]
  /// Puts the batch through the networks; gradients of modules that the step does not update are discarded. Throws a `MethodError`, or what the
  /// batch's `Partner` throws.
  func loss(_ batch: Batch, at step: Step, on tape: Tape) throws -> LossTerms
  /// Called after the optimiser, on every rank alike: a moving average of the student, counts.
  func afterUpdate(at step: Step)
}

extension Method {
  public static func usesPrior(_ options: SettingValues) -> Bool { false }
  public static func needsEveryLabel(_ options: SettingValues) -> Bool { false }
  public static func regions(_ options: SettingValues, data: [[Int]]?) -> [[Int]]? { nil }
  public static var hasTwoStudents: Bool { false }
  public var carried: [CarriedVector] { [] }
  public func updated(at step: Step) -> [Int] { Array(trained.indices) }
  public var countsBatches: Bool { false }
  public func counts(_ batch: Batch, at step: Step) throws(MethodError) -> [Double] { [] }
  public func afterUpdate(at step: Step) {}
}
