// Adam with decoupled weight decay (Loshchilov and Hutter, arXiv:1711.05101, algorithm 2), what SAM-Med3D was trained with
// (uni-medical/SAM-Med3D, train.py).

import Kernels
import Tensors

/// The optimiser of one network: p -= rate · decay · p, then p -= rate · m̂ / (√v̂ + ε) with the bias-corrected running means m̂ of g and v̂
/// of g² (PyTorch's form).
public final class AdamW {
  public let betas: (Double, Double)
  public let epsilon: Double
  public let weightDecay: Double
  /// P running means of g, zero at first.
  public let means: Tensor
  /// P running means of g², zero at first.
  public let squares: Tensor
  /// Steps taken, on which the correction of the running means depends.
  public var steps = 0
  private let parameters: ParameterSet

  public init(
    _ parameters: ParameterSet, betas: (Double, Double) = (0.9, 0.999), epsilon: Double = 1e-8, weightDecay: Double = 1e-2
  ) {
    (self.parameters, self.betas, self.epsilon, self.weightDecay) = (parameters, betas, epsilon, weightDecay)
    means = Tensor(zeros: [parameters.count])
    squares = Tensor(zeros: [parameters.count])
  }

  /// Updates the parameters with `gradients` [P].
  public func step(rate: Double, gradients: Tensor) {
    steps += 1
    adamwStep(
      parameters: parameters.values.pointer, means: means.pointer, squares: squares.pointer, gradients: gradients.pointer,
      rate: rate, decay: weightDecay, betas: betas, epsilon: epsilon, step: steps, count: parameters.count)
  }
}
