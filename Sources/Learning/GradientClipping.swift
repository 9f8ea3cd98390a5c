// Clipping by the global norm, after averaging, as torch.nn.utils.clip_grad_norm_ does it.

import Kernels
import Tensors

/// Scales the gradient vectors of one module, taken together, so that their L2 norm is at most `toNorm`.
///
/// The factor is toNorm / (norm + 1e-6) where that is below 1. The norm is summed in fixed blocks: the same bits on any number of threads.
/// - Returns: the norm before.
public func clip(_ gradients: [Tensor], toNorm: Double) -> Double {
  let norm = gradients.reduce(0) { $0 + sumOfSquares($1.pointer, count: $1.count) }.squareRoot()
  let factor = toNorm / (norm + 1e-6)
  if factor < 1 {
    for vector in gradients { scale(vector.pointer, by: Float(factor), into: vector.pointer, count: vector.count) }
  }
  return norm
}
