// One trained module between the backward walk and the optimiser: what its lanes found is averaged over all ranks, then applied.

import Cluster
import Learning
import MPI
import Methods
import Tensors

/// The average over all lanes of what each lane left in the gradients of a parameter set: [P].
struct LaneAverage {
  let source: ParameterSet
  var averager: any GradientAverager
  let average: Tensor

  init(_ source: ParameterSet, averager: any GradientAverager.Type) {
    self.source = source
    self.averager = averager.init(parameterCount: source.count)
    average = Tensor(zeros: [source.count])
  }

  mutating func addLane() {
    let gradients = source.gradients
    withExtendedLifetime(gradients) {
      averager.add(laneGradient: UnsafeBufferPointer(start: gradients.pointer, count: gradients.count))
    }
  }

  mutating func finish(lanes: Int, over world: borrowing Communicator) throws(ClusterError) -> AveragingOutcome {
    try averager.finish(
      into: UnsafeMutableBufferPointer(start: average.pointer, count: average.count), lanes: lanes, over: world)
  }
}

/// A trained module with its optimiser, the average of its gradients, and of what its batch normalisations saw.
struct ModuleUpdate {
  let module: TrainedModule
  let optimizer: StochasticGradientDescent
  var gradients: LaneAverage
  var statistics: LaneAverage?

  init(_ module: TrainedModule, _ configuration: RunConfiguration, averager: any GradientAverager.Type) {
    self.module = module
    optimizer = StochasticGradientDescent(
      module.parameters, momentum: Float(configuration.number("optimizer.momentum")),
      weightDecay: Float(configuration.number("optimizer.weightDecay")))
    gradients = LaneAverage(module.parameters, averager: averager)
    statistics = module.statistics.map { LaneAverage($0.buffers, averager: averager) }
  }

  /// Before the first lane of a step.
  mutating func begin() {
    gradients.averager.begin()
    statistics?.averager.begin()
  }

  /// Before each lane.
  func clear() {
    module.parameters.clearGradients()
    module.statistics?.buffers.clearGradients()
  }

  /// After each lane.
  mutating func addLane() {
    gradients.addLane()
    statistics?.addLane()
  }

  /// Collective.
  mutating func finish(lanes: Int, over world: borrowing Communicator) throws(ClusterError) -> [AveragingOutcome] {
    var outcomes = [try gradients.finish(lanes: lanes, over: world)]
    if let seen = try statistics?.finish(lanes: lanes, over: world) { outcomes.append(seen) }
    return outcomes
  }

  /// Descends, and moves the running statistics.
  func apply(rate: Double) {
    optimizer.step(rate: rate, gradients: gradients.average)
    if let statistics { module.statistics?.move(towards: statistics.average) }
  }
}
