// One trained module between the backward walk and the optimiser: what its lanes found is averaged over all ranks, then applied.

import Cluster
import Learning
import Methods

/// A trained module with its optimiser, the average of its gradients, and of what its batch normalisations saw.
struct ModuleUpdate {
  let module: TrainedModule
  let optimizer: StochasticGradientDescent
  let gradients: LaneAverage
  let statistics: LaneAverage?

  init(_ module: TrainedModule, _ configuration: RunConfiguration, averager: any GradientAverager.Type) {
    self.module = module
    optimizer = StochasticGradientDescent(
      module.parameters,
      OptimizerSettings(
        momentum: configuration.number("optimizer.momentum"), weightDecay: configuration.number("optimizer.weightDecay")))
    gradients = LaneAverage(module.parameters, averager: averager)
    statistics = module.statistics.map { LaneAverage($0.buffers, averager: averager) }
  }

  /// What was seen is complete when the forward pass is, so it comes first.
  var averages: [LaneAverage] { [statistics, gradients].compactMap { $0 } }

  /// Before each lane.
  func clear() {
    module.parameters.clearGradients()
    module.statistics?.buffers.clearGradients()
  }

  /// Descends, and moves the running statistics.
  func apply(learningRate: Double) {
    optimizer.step(learningRate: learningRate, gradients: gradients.average)
    if let statistics { module.statistics?.move(towards: statistics.average) }
  }
}
