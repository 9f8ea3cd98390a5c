// Segmentation losses on class probabilities [1, D, H, W, K]: one sample at a time, so that a mean over samples never depends on how
// samples are spread over ranks (shared/spec/relif.md 3.1, 5.1, 5.6).

import Kernels
import Tensors

extension Tape {
  /// Mean over the K classes of 1 - (2 Σ p·y + ε) / (Σ p² + Σ y + ε), background included.
  /// - Shape: p [1, D, H, W, K], D·H·W labels below K.
  public func diceLoss(_ p: Tensor, labels: [UInt8], epsilon: Double = 1e-5) -> Scalar {
    let (count, classes) = checked(p, labels, "dice loss")
    let sums = diceSums(p.pointer, labels: labels, count: count, classes: classes)
    var loss = 0.0, onLabel: [Double] = [], onValue: [Double] = []
    for k in 0..<classes {
      let numerator = 2 * sums[k] + epsilon, denominator = sums[classes + k] + sums[2 * classes + k] + epsilon
      loss += (1 - numerator / denominator) / Double(classes)
      onLabel.append(-2 / denominator / Double(classes))
      onValue.append(2 * numerator / (denominator * denominator) / Double(classes))
    }
    return recordScalar("diceLoss", inputs: [p], value: loss) { seed in
      let dp = Tensor(uninitialized: p.shape)
      diceGradient(
        p: p.pointer, labels: labels, onLabel: onLabel.map { Float(seed * $0) }, onValue: onValue.map { Float(seed * $0) },
        into: dp.pointer, count: count, classes: classes)
      self.accumulate(dp, for: p)
    }
  }

  /// Mean over voxels of -log p[label]; `p` must be the softmax of `logits`, to which the gradient (p - y) flows directly.
  /// - Shape: logits and p [1, D, H, W, K].
  public func crossEntropy(_ logits: Tensor, probabilities p: Tensor, labels: [UInt8]) -> Scalar {
    let (count, classes) = checked(p, labels, "cross entropy")
    let value = negativeLogSum(p.pointer, labels: labels, count: count, classes: classes) / Double(count)
    return recordScalar("crossEntropy", inputs: [logits], value: value) { seed in
      let dz = Tensor(uninitialized: logits.shape)
      crossEntropyGradient(
        p: p.pointer, labels: labels, scale: Float(seed / Double(count)), into: dz.pointer, count: count, classes: classes)
      self.accumulate(dz, for: logits)
    }
  }

  /// Confidence-gated co-regularisation: Σ g Σ_k (p - q)² / (Σ g + 1e-6), with the gate g open where both predictions name the same class
  /// with probability `threshold` or more. The gate carries no gradient; both predictions do (shared/spec/relif.md 3).
  /// - Shape: p and q [1, D, H, W, K].
  /// - Parameter normalization: over all gated voxels, or the mean of that over predicted background and over predicted foreground.
  /// - Returns: the loss, and what the gate let through.
  public func gatedConsistency(
    _ p: Tensor, _ q: Tensor, threshold: Double, normalization: GateNormalization = .perSample
  ) -> (loss: Scalar, gate: GateSums) {
    require(p.shape == q.shape, "gated consistency of \(p.shape) and \(q.shape): both views must have one shape.")
    let (count, classes) = (p.shape.rows, p.shape.channels)
    let gate = ByteBuffer(count: count)
    let sums = gatedDifference(
      p.pointer, q.pointer, threshold: Float(threshold), gate: gate.pointer, count: count, classes: classes)
    let share = normalization.shares(of: sums)
    let value = sums.differenceBackground * share.background + sums.differenceForeground * share.foreground
    let loss = recordScalar("gatedConsistency", inputs: [p, q], value: value) { seed in
      let dp = Tensor(uninitialized: p.shape), dq = Tensor(uninitialized: q.shape)
      gatedDifferenceGradient(
        p.pointer, q.pointer, gate: gate.pointer, scale: (Float(2 * seed * share.background), Float(2 * seed * share.foreground)),
        dp: dp.pointer, dq: dq.pointer, count: count, classes: classes)
      self.accumulate(dp, for: p)
      self.accumulate(dq, for: q)
    }
    return (loss, sums)
  }

  private func checked(_ p: Tensor, _ labels: [UInt8], _ operation: String) -> (count: Int, classes: Int) {
    let (count, classes) = (p.shape.rows, p.shape.channels)
    require(p.shape.batch == 1, "\(operation) of \(p.shape): one sample at a time.")
    require(
      labels.count == count, "\(operation): \(labels.count) labels for probabilities \(p.shape): give one label for each voxel.")
    let highest = labels.max() ?? 0
    require(
      Int(highest) < classes, "\(operation): label \(highest) with \(classes) classes: declare more classes or correct the label."
    )
    return (count, classes)
  }
}

/// What the gated difference is divided by.
public enum GateNormalization: String, Sendable, CaseIterable {
  /// All open voxels of the sample, as published: background, which is most of a volume, dominates.
  case perSample
  /// Open background and open foreground voxels apart, each half of the loss (shared/spec/relif.md 3.2).
  case perClass

  func shares(of sums: GateSums) -> (background: Double, foreground: Double) {
    switch self {
    case .perSample: (1 / (sums.open + 1e-6), 1 / (sums.open + 1e-6))
    case .perClass: (0.5 / (sums.openBackground + 1e-6), 0.5 / (sums.openForeground + 1e-6))
    }
  }
}
