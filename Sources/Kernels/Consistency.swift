// How far two predictions, or a prediction and a frozen prior, are apart, voxel by voxel. `count` voxels of K classes.

import CKernels

private let grain = 1 << 12

/// What a gate lets through, apart for voxels that the first prediction calls background and foreground.
public struct GateSums: Sendable {
  public let openBackground, openForeground: Double
  /// Voxels of predicted foreground, whether or not the gate is open.
  public let foreground: Double

  public var open: Double { openBackground + openForeground }
}

/// How a gate weighs a voxel (shared/spec/relif.md 3.2).
public enum GateKind: String, Sendable, CaseIterable {
  /// 1 where both views name one class and both are sure of it, else 0.
  case hard
  /// (confidence · confidence)^κ where both name one class, else 0.
  case soft
  /// (confidence · confidence)^κ everywhere.
  case softAll
  /// e^(-κ · Jensen-Shannon divergence).
  case js

  var code: Int32 { Int32(Self.allCases.firstIndex(of: self)!) }
}

/// Multiplies the weights `w` of the voxels by the gate.
public func gate(
  _ p: UnsafePointer<Float>, _ q: UnsafePointer<Float>, kind: GateKind, threshold: Float, kappa: Float,
  weights w: UnsafeMutablePointer<Float>, count: Int, classes: Int
) -> GateSums {
  let sums = sumOverBlocks(count, sums: 3) { start, length, sums in
    cohort_gate(
      w + start, p + start * classes, q + start * classes, kind.code, threshold, kappa, length, classes, sums)
  }
  return GateSums(openBackground: sums[0], openForeground: sums[1], foreground: sums[2])
}

/// w = whether a prior with probabilities [count, K] names the class that `p` names, or how probable it finds it; 1 where it is silent of it.
public func priorVeto(
  _ p: UnsafePointer<Float>, prior: UnsafePointer<Float>, isPresent: [Bool], isSoft: Bool,
  into w: UnsafeMutablePointer<Float>, count: Int, classes: Int
) {
  let present = isPresent.map { UInt8($0 ? 1 : 0) }
  parallelFor(count, grain: grain) { start, end in
    cohort_veto(w + start, p + start * classes, prior + start * classes, present, isSoft ? 1 : 0, end - start, classes)
  }
}

/// Σ w · difference over voxels of predicted background and of predicted foreground; squares, or the symmetric divergence.
public func gatedDifference(
  _ p: UnsafePointer<Float>, _ q: UnsafePointer<Float>, weights w: UnsafePointer<Float>, isDivergence: Bool, count: Int,
  classes: Int
) -> (background: Double, foreground: Double) {
  let sums = sumOverBlocks(count, sums: 2) { start, length, sums in
    cohort_gated_difference(w + start, p + start * classes, q + start * classes, isDivergence ? 1 : 0, length, classes, sums)
  }
  return (sums[0], sums[1])
}

/// The gradients of `gatedDifference`, times `scale` of background and of foreground voxels.
public func gatedDifferenceGradient(
  _ p: UnsafePointer<Float>, _ q: UnsafePointer<Float>, weights w: UnsafePointer<Float>, isDivergence: Bool,
  scale: (background: Float, foreground: Float), dp: UnsafeMutablePointer<Float>, dq: UnsafeMutablePointer<Float>, count: Int,
  classes: Int
) {
  let scales = [scale.background, scale.foreground]
  parallelFor(count, grain: grain) { start, end in
    let offset = start * classes
    cohort_gated_difference_gradient(
      dp + offset, dq + offset, w + start, p + offset, q + offset, isDivergence ? 1 : 0, scales, end - start, classes)
  }
}

/// For each class Σ w·p·q and Σ w·(p² + q²): two runs of K values.
public func gatedOverlap(
  _ p: UnsafePointer<Float>, _ q: UnsafePointer<Float>, weights w: UnsafePointer<Float>, count: Int, classes: Int
) -> [Double] {
  sumOverBlocks(count, sums: 2 * classes) { start, length, sums in
    cohort_gated_overlap(w + start, p + start * classes, q + start * classes, length, classes, sums)
  }
}

/// dp = w · (onOther[k] · q + onOwn[k] · p).
public func gatedOverlapGradient(
  _ p: UnsafePointer<Float>, _ q: UnsafePointer<Float>, weights w: UnsafePointer<Float>, onOther: [Float], onOwn: [Float],
  into dp: UnsafeMutablePointer<Float>, count: Int, classes: Int
) {
  parallelFor(count, grain: grain) { start, end in
    let offset = start * classes
    cohort_gated_overlap_gradient(dp + offset, w + start, p + offset, q + offset, onOther, onOwn, end - start, classes)
  }
}

/// Class probabilities [count, K] of a prior's logits [count, K - 1] at a temperature: the sigmoid of each present class, the product of
/// their complements for background, normalised (shared/spec/relif.md 1.10).
public func priorProbabilities(
  _ logits: UnsafePointer<Float>, isPresent: [Bool], temperature: Float, into p: UnsafeMutablePointer<Float>, count: Int
) {
  let classes = isPresent.count + 1, present = isPresent.map { UInt8($0 ? 1 : 0) }
  parallelFor(count, grain: grain) { start, end in
    cohort_prior_probabilities(p + start * classes, logits + start * (classes - 1), present, temperature, end - start, classes)
  }
}

/// Σ w·P·log(P/Q) over voxels and classes; `difference` becomes w·(Q - P). P is the prior; of classes that it is silent of, P is Q.
public func distillation(
  _ q: UnsafePointer<Float>, prior: UnsafePointer<Float>, isPresent: [Bool], weights w: UnsafePointer<Float>?,
  difference: UnsafeMutablePointer<Float>, count: Int
) -> Double {
  let classes = isPresent.count + 1, present = isPresent.map { UInt8($0 ? 1 : 0) }
  return sumOverBlocks(count, sums: 1) { start, length, sums in
    let offset = start * classes
    sums[0] = cohort_distillation(
      difference + offset, q + offset, prior + offset, present, w.map { $0 + start }, length, classes)
  }[0]
}
