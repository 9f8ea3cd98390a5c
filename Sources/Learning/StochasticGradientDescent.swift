// Stochastic gradient descent with momentum and weight decay, and the polynomial learning-rate schedule (HiLab-git/SSL4MIS,
// code/train_mean_teacher_3D.py).

import Kernels
import Tensors

/// The optimiser of one network: v = momentum · v + (g + decay · p); p -= rate · v (PyTorch's form, no Nesterov).
public final class StochasticGradientDescent {
  public let momentum: Float
  public let weightDecay: Float
  /// P momenta, zero at first.
  public let momenta: Tensor
  private let parameters: ParameterSet

  public init(_ parameters: ParameterSet, momentum: Float, weightDecay: Float) {
    self.parameters = parameters
    self.momentum = momentum
    self.weightDecay = weightDecay
    momenta = Tensor(zeros: [parameters.count])
  }

  /// Updates the parameters with `gradients` [P].
  public func step(rate: Double, gradients: Tensor) {
    sgdStep(
      parameters: parameters.values.pointer, momenta: momenta.pointer, gradients: gradients.pointer, rate: Float(rate),
      momentum: momentum, decay: weightDecay, count: parameters.count)
  }
}

/// rate(t) = base · (1 - t/T)^power.
public struct PolynomialSchedule: Sendable {
  public let base: Double
  public let power: Double
  /// T, in steps.
  public let total: Int

  public init(base: Double, power: Double = 0.9, total: Int) { (self.base, self.power, self.total) = (base, power, total) }

  public func rate(at step: Int) -> Double { base * raise(1 - Double(step) / Double(total), to: power) }
}
