// Adam with decoupled weight decay (Loshchilov and Hutter, arXiv:1711.05101, algorithm 2), as PyTorch writes it.

import Kernels
import Tensors

/// p -= learningRate · decay · p, then p -= learningRate · m̂ / (√v̂ + ε) with the bias-corrected running means m̂ of g and v̂ of g².
public final class AdamW: Optimizer {
  public static let name = "adamw"
  public static let leavesUnusedAlone = true
  /// PyTorch's.
  public static let usualLearningRate = 0.001
  public static let summary = "Adam with weight decay apart from the gradient"

  /// Running means of g [P], zero at first.
  public let means: Tensor
  /// Running means of g² [P], zero at first.
  public let squares: Tensor
  /// Steps that each tensor of the set has taken, on which the correction of its running means depends. Floats, so that a checkpoint holds
  /// them like all other state: exact up to 2^24, where they stay, and where the correction has long been 1.
  public let steps: Tensor
  private let settings: OptimizerSettings
  private let parameters: ParameterSet

  public init(_ parameters: ParameterSet, _ settings: OptimizerSettings = OptimizerSettings()) {
    (self.parameters, self.settings) = (parameters, settings)
    means = Tensor(zeros: [parameters.count])
    squares = Tensor(zeros: [parameters.count])
    steps = Tensor(zeros: [parameters.parameters.count])
  }

  public var state: [(name: String, values: Tensor)] { [("mean", means), ("square", squares), ("steps", steps)] }

  public func step(learningRate: Double, gradients: Tensor, present: [Bool]?) {
    for tensor in 0..<steps.count where present?[tensor] ?? true { steps.pointer[tensor] += 1 }
    parameters.forEachRun(present: present, key: { steps.pointer[$0] }) { floats, taken in
      let start = floats.lowerBound
      adamwStep(
        parameters: parameters.values.pointer + start, means: means.pointer + start, squares: squares.pointer + start,
        gradients: gradients.pointer + start, learningRate: learningRate, decay: settings.weightDecay,
        betas: (settings.beta1, settings.beta2), epsilon: settings.epsilon, step: Int(taken), count: floats.count)
    }
  }
}
