// The student learns a frozen prior's soft probabilities (Hinton et al., arXiv:1503.02531; ReLiF-3D averages over classes, too).
// Axes: D H W voxels, K classes.

import Kernels
import Tensors

/// What a sum over voxels and classes is divided by.
public enum DistillationReduction: String, Sendable, CaseIterable {
  /// Voxels times classes, as published.
  case channelMean
  /// Voxels.
  case voxelSum

  func divisor(_ shape: Shape) -> Double { Double(self == .channelMean ? shape.count : shape.rows) }
}

extension Tape {
  /// Σ P log(P / Q) / divisor with Q the softmax of `logits` at the temperature and P the prior, whose probabilities were made at the same
  /// temperature. The gradient flows into the student alone; of a class that the prior is silent of, it teaches nothing.
  /// - Shape: logits [1, D, H, W, K].
  /// - Parameter weights: of each voxel [D·H·W]; nil: 1.
  public func distillation(
    _ logits: Tensor, prior: PriorProbabilities, temperature: Double, weights: Tensor? = nil,
    reduction: DistillationReduction = .channelMean
  ) -> Scalar {
    divergence(
      logits, prior, temperature: temperature, weights: weights, divisor: reduction.divisor(logits.shape), constant: 0)
  }

  /// What the authors' released program computes in place of the distillation: mean(-log Q) over voxels and classes, which is least
  /// at the uniform prediction and does not depend on the prior (kunaljangid01/ReLiF_3D, code/ReLiF_3D_train_brats.py,
  /// `consistency_loss`: its prior has one channel, whose softmax is 1 everywhere).
  public func confidencePenalty(_ logits: Tensor, temperature: Double) -> Scalar {
    divergence(
      logits, PriorProbabilities(uniform: logits.shape), temperature: temperature, weights: nil,
      divisor: DistillationReduction.voxelSum.divisor(logits.shape), constant: logarithm(Double(logits.shape.channels)))
  }

  private func divergence(
    _ logits: Tensor, _ prior: PriorProbabilities, temperature: Double, weights: Tensor?, divisor: Double, constant: Double
  ) -> Scalar {
    require(
      prior.values.shape == logits.shape,
      "distillation: a prior of \(prior.values.shape) for logits \(logits.shape): both need one shape.")
    let q = softened(logits, temperature: temperature), difference = Tensor(uninitialized: logits.shape)
    let sum = withExtendedLifetime((q, prior, weights)) {
      Kernels.distillation(
        q.pointer, prior: prior.values.pointer, isPresent: prior.isPresent, weights: weights?.pointer,
        difference: difference.pointer, count: logits.shape.rows)
    }
    let place = logits.place
    return recordScalar("distillation", inputs: [logits], value: sum / divisor + constant) { seed in
      let gradient = Tensor(uninitialized: place.shape)
      withExtendedLifetime(difference) {
        scale(difference.pointer, by: Float(seed / (temperature * divisor)), into: gradient.pointer, count: gradient.count)
      }
      self.accumulate(gradient, at: place)
    }
  }

  /// The softmax of logits / temperature.
  private func softened(_ logits: Tensor, temperature: Double) -> Tensor {
    let q = Tensor(uninitialized: logits.shape)
    scale(logits.pointer, by: Float(1 / temperature), into: q.pointer, count: logits.count)
    Kernels.softmax(q.pointer, into: q.pointer, count: logits.shape.rows, classes: logits.shape.channels)
    return q
  }
}

extension PriorProbabilities {
  /// 1 / K everywhere.
  init(uniform shape: Shape) {
    let values = Tensor(uninitialized: shape)
    fill(values.pointer, with: 1 / Float(shape.channels), count: shape.count)
    self.init(values: values, isPresent: [Bool](repeating: true, count: shape.channels - 1))
  }
}
