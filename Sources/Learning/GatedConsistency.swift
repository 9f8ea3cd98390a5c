// Confidence-gated co-regularisation between two views of a volume (CGCR of ReLiF-3D; kunaljangid01/ReLiF_3D,
// code/ReLiF_3D_train_brats.py). Axes: D H W voxels, K classes, F = K - 1.

import Kernels
import Tensors

/// A frozen prior's answer for a sample: probabilities [1, D, H, W, K], and for which foreground classes (F) it answers.
public struct PriorProbabilities: Sendable {
  public let values: Tensor
  public let isPresent: [Bool]

  init(values: Tensor, isPresent: [Bool]) { (self.values, self.isPresent) = (values, isPresent) }

  /// - Parameter logits: z [1, D, H, W, F].
  public init(logits: Tensor, isPresent: [Bool], temperature: Double = 1) {
    require(
      logits.shape.channels == isPresent.count,
      "prior of \(logits.shape): \(isPresent.count) marks of presence, give one for each foreground class.")
    self.init(
      values: Tensor(uninitialized: Shape(logits.shape.sizes.dropLast() + [isPresent.count + 1])), isPresent: isPresent)
    withExtendedLifetime(logits) {
      priorProbabilities(
        logits.pointer, isPresent: isPresent, temperature: Float(temperature), into: values.pointer, count: logits.shape.rows)
    }
  }
}

extension PriorProbabilities {
  /// What is known: 1 for the class of each voxel's label, D·H·W of them.
  /// - Parameter shape: [1, D, H, W, K].
  public init(labels: [UInt8], shape: Shape) {
    let values = Tensor(uninitialized: shape), classes = shape.channels
    oneHot(labels, into: values.pointer, count: shape.rows, classes: classes)
    self.init(values: values, isPresent: [Bool](repeating: true, count: classes - 1))
  }
}

/// The choice of voxels at which two predictions must agree, and the prior's part in it.
public struct ConsistencyGate: Sendable {
  /// What the prior may do to a gate.
  public enum Veto: String, Sendable, CaseIterable {
    case off
    /// Shut the gate where the prior names another class.
    case agree
    /// Weigh by the prior's probability of the class.
    case soft
  }
  public var kind = GateKind.hard
  /// The confidence that a hard gate asks of both views.
  public var threshold: Double
  /// The exponent of the soft gates.
  public var kappa = 2.0
  public var veto = Veto.off

  public init(_ kind: GateKind = .hard, threshold: Double, kappa: Double = 2, veto: Veto = .off) {
    (self.kind, self.threshold, self.kappa, self.veto) = (kind, threshold, kappa, veto)
  }

  /// The weight of each voxel, and what they sum to. No gradient flows through it.
  func weights(_ p: Tensor, _ q: Tensor, prior: PriorProbabilities?) -> (weights: Tensor, sums: GateSums) {
    let (count, classes) = (p.shape.rows, p.shape.channels), weights = Tensor(uninitialized: [count])
    if veto != .off, let prior {
      priorVeto(
        p.pointer, prior: prior.values.pointer, isPresent: prior.isPresent, isSoft: veto == .soft, into: weights.pointer,
        count: count, classes: classes)
    } else {
      fill(weights.pointer, with: 1, count: count)
    }
    let sums = withExtendedLifetime((p, q, prior)) {
      gate(
        p.pointer, q.pointer, kind: kind, threshold: Float(threshold), kappa: Float(kappa), weights: weights.pointer,
        count: count,
        classes: classes)
    }
    return (weights, sums)
  }
}

/// How the two predictions of a voxel are compared.
public enum ConsistencyTerm: String, Sendable, CaseIterable {
  /// Σ_k (p - q)².
  case mse
  /// The symmetric Kullback-Leibler divergence, half of each direction.
  case kl
  /// 1 - soft Dice of the two, weighed by the gate, mean over classes.
  case dice
}

/// What the gated difference is divided by.
public enum GateNormalization: String, Sendable, CaseIterable {
  /// All open voxels of the sample, as published: background, which is most of a volume, dominates.
  case perSample
  /// Open background and open foreground voxels apart, each half of the loss: ours, so that background does not dominate.
  case perClass

  func shares(of sums: GateSums) -> (background: Double, foreground: Double) {
    switch self {
    case .perSample: (1 / (sums.open + 1e-6), 1 / (sums.open + 1e-6))
    case .perClass: (0.5 / (sums.openBackground + 1e-6), 0.5 / (sums.openForeground + 1e-6))
    }
  }
}

extension Tape {
  /// Σ g · difference(p, q) / (Σ g + 1e-6). Both predictions receive a gradient, the gate none.
  /// - Shape: p and q [1, D, H, W, K].
  /// - Returns: the loss, and what the gate let through.
  public func gatedConsistency(
    _ p: Tensor, _ q: Tensor, gate: ConsistencyGate, prior: PriorProbabilities? = nil, term: ConsistencyTerm = .mse,
    normalization: GateNormalization = .perSample
  ) -> (loss: Scalar, gate: GateSums) {
    require(p.shape == q.shape, "gated consistency of \(p.shape) and \(q.shape): both views must have one shape.")
    let (weights, sums) = gate.weights(p, q, prior: prior)
    guard term != .dice else { return (gatedDice(p, q, weights), sums) }
    let (count, classes) = (p.shape.rows, p.shape.channels), share = normalization.shares(of: sums)
    let difference = gatedDifference(
      p.pointer, q.pointer, weights: weights.pointer, term == .kl ? .divergence : .squares, count: count, classes: classes)
    let value = difference.background * share.background + difference.foreground * share.foreground
    let loss = recordScalar("gatedConsistency", inputs: [p, q], value: value) { seed in
      let dp = Tensor(uninitialized: p.shape), dq = Tensor(uninitialized: q.shape)
      withExtendedLifetime(weights) {
        gatedDifferenceGradient(
          p.pointer, q.pointer, weights: weights.pointer, term == .kl ? .divergence : .squares,
          scale: (Float(seed * share.background), Float(seed * share.foreground)), dp: dp.pointer, dq: dq.pointer, count: count,
          classes: classes)
      }
      self.accumulate(dp, for: p)
      self.accumulate(dq, for: q)
    }
    return (loss, sums)
  }

  private func gatedDice(_ p: Tensor, _ q: Tensor, _ weights: Tensor, epsilon: Double = 1e-5) -> Scalar {
    let (count, classes) = (p.shape.rows, p.shape.channels)
    let sums = gatedOverlap(p.pointer, q.pointer, weights: weights.pointer, count: count, classes: classes)
    var value = 0.0, onOther: [Double] = [], onSame: [Double] = []
    for k in 0..<classes {
      let numerator = 2 * sums[k] + epsilon, denominator = sums[classes + k] + epsilon
      value += (1 - numerator / denominator) / Double(classes)
      onOther.append(-2 / denominator / Double(classes))
      onSame.append(2 * numerator / (denominator * denominator) / Double(classes))
    }
    return recordScalar("gatedDice", inputs: [p, q], value: value) { seed in
      let other = onOther.map { Float(seed * $0) }, same = onSame.map { Float(seed * $0) }
      for (one, two) in [(p, q), (q, p)] {
        let gradient = Tensor(uninitialized: one.shape)
        withExtendedLifetime(weights) {
          gatedOverlapGradient(
            one.pointer, two.pointer, weights: weights.pointer, onOther: other, onSame: same, into: gradient.pointer,
            count: count,
            classes: classes)
        }
        self.accumulate(gradient, for: one)
      }
    }
  }
}
