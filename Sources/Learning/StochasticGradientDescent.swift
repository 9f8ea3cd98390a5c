// Stochastic gradient descent with momentum and weight decay, as PyTorch writes it.

import Kernels
import Tensors

/// v = momentum · v + (g + decay · p), then p -= learningRate · v; in Nesterov's form p -= learningRate · (g + decay · p + momentum · v).
public final class StochasticGradientDescent: Optimizer {
  public static let name = "sgd"
  public static let leavesUnusedAlone = false
  /// Ten times that of most publications: it won on real volumes (Tests/Yardstick/RESULTS.md, "learning rates on real volumes").
  public static let usualLearningRate = 0.1
  public static let summary = "stochastic gradient descent with momentum, weight decay added to the gradient"

  /// v [P], zero at first.
  public let momentumBuffer: Tensor
  private let settings: OptimizerSettings
  private let parameters: ParameterSet

  public init(_ parameters: ParameterSet, _ settings: OptimizerSettings = OptimizerSettings()) {
    (self.parameters, self.settings) = (parameters, settings)
    momentumBuffer = Tensor(zeros: [parameters.count])
  }

  public var state: [(name: String, values: Tensor)] { [("momentum", momentumBuffer)] }

  public func step(learningRate: Double, gradients: Tensor, present: [Bool]?) {
    parameters.forEachRun(present: present, key: { _ in 0 }) { floats, _ in
      let start = floats.lowerBound
      sgdStep(
        parameters: parameters.values.pointer + start, momentumBuffer: momentumBuffer.pointer + start,
        gradients: gradients.pointer + start, learningRate: Float(learningRate), momentum: Float(settings.momentum),
        nesterov: settings.nesterov, decay: Float(settings.weightDecay), count: floats.count)
    }
  }
}
