// One trained module between the backward pass and the optimiser: what its lanes found is averaged over all ranks, clipped, then applied.

import Cluster
import Learning
import Methods
import Preparation
import Tensors

/// A trained module with its optimiser and schedule, the average of its gradients, and of what its batch normalisations saw.
public struct ModuleUpdate {
  public let module: TrainedModule
  let optimizer: any Optimizer
  let learningRate: LearningRate
  /// The largest global norm of the gradients; 0 sets no limit.
  let clipNorm: Double
  package let gradientAverage: LaneAverage
  package let statisticsAverage: LaneAverage?

  /// - Parameter choice: how the module is optimised.
  public init(_ module: TrainedModule, _ choice: OptimizerChoice, averager: any GradientAverager.Type) {
    self.module = module
    optimizer = choice.optimizer.init(module.parameters, choice.settings)
    (learningRate, clipNorm) = (choice.learningRate, choice.clipNorm)
    gradientAverage = LaneAverage(module.parameters, averager: averager)
    statisticsAverage = module.statistics.map { LaneAverage($0.buffers, averager: averager) }
  }

  /// The averages of a step, in the order in which they are ready: what normalisations saw is complete when the forward pass is.
  package var averages: [LaneAverage] { [statisticsAverage, gradientAverage].compactMap { $0 } }

  /// Clears the gradients, before each lane.
  package func clear() {
    module.parameters.clearGradients()
    module.statistics?.buffers.clearGradients()
  }

  /// Moves the parameters along the averaged gradients, and the running statistics towards what was seen.
  func apply(at step: Step) {
    if clipNorm > 0 { _ = clip([gradientAverage.average], toNorm: clipNorm) }
    optimizer.step(
      learningRate: learningRate.at(step), gradients: gradientAverage.average,
      present: type(of: optimizer).leavesUnusedAlone ? gradientAverage.presentArrays : nil)
    if let statisticsAverage { module.statistics?.move(towards: statisticsAverage.average) }
  }

  /// All numbers that the next step depends on, under the names of a checkpoint's vectors.
  package var state: [(name: String, tensor: Tensor)] {
    var state = [(module.name, module.parameters.values)]
    state += optimizer.state.map { (module.name + "." + $0.name, $0.values) }
    if let statistics = module.statistics { state.append((statisticsVector(module.name), statistics.buffers.values)) }
    return state
  }
}

/// The checkpoint's name for the running statistics of a module.
func statisticsVector(_ module: String) -> String { module + ".statistics" }

/// How one module is optimised.
public struct OptimizerChoice {
  public var optimizer: any Optimizer.Type
  public var settings: OptimizerSettings
  public var learningRate: LearningRate
  public var clipNorm: Double

  public init(
    _ optimizer: any Optimizer.Type, _ settings: OptimizerSettings = OptimizerSettings(), learningRate: LearningRate,
    clipNorm: Double = 0
  ) {
    (self.optimizer, self.settings) = (optimizer, settings)
    (self.learningRate, self.clipNorm) = (learningRate, clipNorm)
  }
}

/// A learning rate over the steps of a stage.
public struct LearningRate: Sendable {
  /// The rate at its highest.
  public var base: Double
  public var schedule: Schedule

  public init(_ base: Double, _ schedule: Schedule) { (self.base, self.schedule) = (base, schedule) }

  public func at(_ step: Step) -> Double { schedule.learningRate(at: step.index, of: step.total, base: base) }
}
