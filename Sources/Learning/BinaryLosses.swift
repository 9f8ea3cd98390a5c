// Losses of one foreground class, on targets that may be soft: what a promptable prior is trained with (uni-medical/SAM-Med3D,
// train.py). The targets are given: no gradient flows to them.

import Kernels
import Tensors

extension Tape {
  /// Mean of -t log p - (1 - t) log(1 - p) with p = sigmoid(logit), finite for every finite logit.
  /// - Shape: logits and targets alike; targets in 0...1.
  public func binaryCrossEntropy(_ logits: Tensor, targets: Tensor) -> Scalar {
    require(
      logits.shape == targets.shape, "binary cross entropy of \(logits.shape) and \(targets.shape): shapes must agree.")
    let count = logits.count
    let value = binaryCrossEntropySum(logits.pointer, targets: targets.pointer, count: count) / Double(count)
    return recordScalar("binaryCrossEntropy", inputs: [logits], value: value) { seed in
      let dz = Tensor(uninitialized: logits.shape)
      binaryCrossEntropyGradient(
        logits.pointer, targets: targets.pointer, scale: Float(seed / Double(count)), into: dz.pointer, count: count)
      self.accumulate(dz, for: logits)
    }
  }

  /// 1 - (2 Σ p·t + ε) / (Σ p² + Σ t² + ε) with ε = 1e-5, over all elements.
  /// - Shape: p and targets alike.
  public func softDiceLoss(_ p: Tensor, targets t: Tensor) -> Scalar {
    require(p.shape == t.shape, "soft Dice loss of \(p.shape) and \(t.shape): shapes must agree.")
    let epsilon = 1e-5, count = p.count
    let numerator = 2 * innerProduct(p.pointer, t.pointer, count: count) + epsilon
    let denominator = sumOfSquares(p.pointer, count: count) + sumOfSquares(t.pointer, count: count) + epsilon
    return recordScalar("softDiceLoss", inputs: [p], value: 1 - numerator / denominator) { seed in
      let dp = Tensor(uninitialized: p.shape)
      let onTarget = Float(-2 * seed / denominator), onValue = Float(2 * seed * numerator / (denominator * denominator))
      weightedSum([(onTarget, UnsafePointer(t.pointer)), (onValue, UnsafePointer(p.pointer))], into: dp.pointer, count: count)
      self.accumulate(dp, for: p)
    }
  }
}
