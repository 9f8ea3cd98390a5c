// Segmentation losses on class probabilities [1, D, H, W, K]: one sample at a time, so that a mean over samples never depends on how
// samples are spread over ranks (HiLab-git/SSL4MIS, code/utils/losses.py, `DiceLoss`).

import Kernels
import Tensors

/// Voxels whose label is no class: the gaps of a canvas, regions that nobody has annotated.
public enum UnlabelledVoxels: String, Sendable, CaseIterable {
  /// There are none: a label that is no class is a mistake.
  case none
  /// Counted in no sum.
  case leftOut
  /// Left out of cross entropy, while their p² stay in the denominators of Dice (ShumengLI/SFR, code/utils/losses.py).
  case counted
}

extension Tape {
  /// Mean over the K classes of 1 - (2 Σ p·y + ε) / (Σ p² + Σ y + ε).
  /// - Shape: p [1, D, H, W, K], D·H·W labels below K; [B, D, H, W, K] and B·D·H·W labels for the Dice of a whole batch.
  /// - Parameters:
  ///   - wholeBatch: sums run over all samples of the batch, as in nnU-Net's batch Dice.
  ///   - countsBackground: whether class 0 is one of the classes.
  public func diceLoss(
    _ p: Tensor, labels: [UInt8], epsilon: Double = 1e-5, wholeBatch: Bool = false, countsBackground: Bool = true,
    unlabelled: UnlabelledVoxels = .none
  ) -> Scalar {
    let (count, classes) = checked(p, labels, "dice loss", isBatch: wholeBatch, unlabelled)
    let countsOthers = unlabelled != .leftOut
    let sums = diceSums(p.pointer, labels: labels, countsOthers: countsOthers, count: count, classes: classes)
    let scored = (countsBackground ? 0 : 1)..<classes, terms = Double(scored.count)
    var loss = 0.0, onLabel = [Double](repeating: 0, count: classes), onValue = onLabel
    for k in scored {
      let numerator = 2 * sums[k] + epsilon, denominator = sums[classes + k] + sums[2 * classes + k] + epsilon
      loss += (1 - numerator / denominator) / terms
      onLabel[k] = -2 / denominator / terms
      onValue[k] = 2 * numerator / (denominator * denominator) / terms
    }
    return recordScalar("diceLoss", inputs: [p], value: loss) { seed in
      let dp = Tensor(uninitialized: p.shape)
      diceGradient(
        p: p.pointer, labels: labels, countsOthers: countsOthers, onLabel: onLabel.map { Float(seed * $0) },
        onValue: onValue.map { Float(seed * $0) }, into: dp.pointer, count: count, classes: classes)
      self.accumulate(dp, for: p)
    }
  }

  /// Mean over the voxels with a class of -log p[label]; `p` must be the softmax of `logits`, to which the gradient (p - y) flows directly.
  /// - Shape: logits and p [1, D, H, W, K].
  /// - Parameter voxels: what the sum is divided by, where this is a part of what the mean is over; nil: it is the whole.
  public func crossEntropy(
    _ logits: Tensor, probabilities p: Tensor, labels: [UInt8], unlabelled: UnlabelledVoxels = .none, over voxels: Double? = nil
  ) -> Scalar {
    let (count, classes) = checked(p, labels, "cross entropy", unlabelled)
    let voxels = voxels ?? Double(max(1, unlabelled == .none ? count : labels.count { $0 < classes }))
    let value = negativeLogSum(p.pointer, labels: labels, count: count, classes: classes) / voxels
    return recordScalar("crossEntropy", inputs: [logits], value: value) { seed in
      let dz = Tensor(uninitialized: logits.shape)
      crossEntropyGradient(
        p: p.pointer, labels: labels, scale: Float(seed / voxels), into: dz.pointer, count: count, classes: classes)
      self.accumulate(dz, for: logits)
    }
  }

  private func checked(
    _ p: Tensor, _ labels: [UInt8], _ operation: String, isBatch: Bool = false, _ unlabelled: UnlabelledVoxels
  ) -> (count: Int, classes: Int) {
    let (count, classes) = (p.shape.rows, p.shape.channels)
    require(isBatch || p.shape.batch == 1, "\(operation) of \(p.shape): one sample at a time.")
    require(
      labels.count == count, "\(operation): \(labels.count) labels for probabilities \(p.shape): give one label for each voxel.")
    let highest = labels.max() ?? 0
    require(
      unlabelled != .none || Int(highest) < classes,
      "\(operation): label \(highest) with \(classes) classes: declare more classes or correct the label."
    )
    return (count, classes)
  }
}
