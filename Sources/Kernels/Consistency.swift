// How far two predictions, or a prediction and a frozen prior, are apart, voxel by voxel. `count` voxels of K classes.
// Logarithms and powers take the time here, and the compiler's vectors would not help: these loops need no C.

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

private let grain = 1 << 12
/// The lower bound of a probability below a logarithm or a quotient.
private let least: Float = 1e-7

private func logarithm(_ p: Float) -> Float { log(max(p, least)) }

/// What a gate lets through, apart for voxels that the first prediction calls background and foreground.
public struct GateSums: Sendable {
  public let openBackground, openForeground: Double
  /// Voxels of predicted foreground, whether or not the gate is open.
  public let foreground: Double

  public var open: Double { openBackground + openForeground }
}

/// How a gate weighs a voxel. `hard` is ReLiF-3D's (kunaljangid01/ReLiF_3D, code/ReLiF_3D_train_brats.py); the others are ours.
public enum GateKind: String, Sendable, CaseIterable {
  /// 1 where both views name one class and both are sure of it, else 0.
  case hard
  /// (confidence · confidence)^κ where both name one class, else 0.
  case soft
  /// (confidence · confidence)^κ everywhere.
  case softAll
  /// e^(-κ · Jensen-Shannon divergence).
  case js

  fileprivate func weight(
    _ p: UnsafePointer<Float>, _ q: UnsafePointer<Float>, _ threshold: Float, _ kappa: Float, _ classes: Int
  ) -> Float {
    let first = argmax(p, classes), second = argmax(q, classes)
    switch self {
    case .hard: return first == second && p[first] >= threshold && q[second] >= threshold ? 1 : 0
    case .soft: return first == second ? pow(p[first] * q[second], kappa) : 0
    case .softAll: return pow(p[first] * q[second], kappa)
    case .js: return exp(-kappa * jensenShannon(p, q, classes))
    }
  }
}

private func jensenShannon(_ p: UnsafePointer<Float>, _ q: UnsafePointer<Float>, _ classes: Int) -> Float {
  var sum: Float = 0
  for k in 0..<classes {
    let middle = logarithm(0.5 * (p[k] + q[k]))
    sum += 0.5 * (p[k] * (logarithm(p[k]) - middle) + q[k] * (logarithm(q[k]) - middle))
  }
  return sum
}

/// Multiplies the weights `w` of the voxels by the gate.
public func gate(
  _ p: UnsafePointer<Float>, _ q: UnsafePointer<Float>, kind: GateKind, threshold: Float, kappa: Float,
  weights w: UnsafeMutablePointer<Float>, count: Int, classes: Int
) -> GateSums {
  let sums = sumOverBlocks(count, sums: 3) { start, length, sums in
    for voxel in start..<start + length {
      let isForeground = argmax(p + voxel * classes, classes) > 0
      w[voxel] *= kind.weight(p + voxel * classes, q + voxel * classes, threshold, kappa, classes)
      sums[isForeground ? 1 : 0] += Double(w[voxel])
      if isForeground { sums[2] += 1 }
    }
  }
  return GateSums(openBackground: sums[0], openForeground: sums[1], foreground: sums[2])
}

/// w = whether a prior with probabilities [count, K] names the class that `p` names, or how probable it finds it; 1 where it gives
/// no answer for it.
public func priorVeto(
  _ p: UnsafePointer<Float>, prior: UnsafePointer<Float>, isPresent: [Bool], isSoft: Bool,
  into w: UnsafeMutablePointer<Float>, count: Int, classes: Int
) {
  let isAnswered = [true] + isPresent
  parallelFor(count, grain: grain) { start, end in
    for voxel in start..<end {
      let label = argmax(p + voxel * classes, classes), expected = prior + voxel * classes
      w[voxel] = !isAnswered[label] ? 1 : isSoft ? expected[label] : argmax(expected, classes) == label ? 1 : 0
    }
  }
}

/// How the predictions of a voxel are compared: the squared distance, or the symmetric Kullback-Leibler divergence.
public enum VoxelDifference: Sendable {
  case squares, divergence

  fileprivate func value(_ p: UnsafePointer<Float>, _ q: UnsafePointer<Float>, _ classes: Int) -> Float {
    if self == .squares { return squaredDistance(p, q, classes) }
    return (0..<classes).reduce(0) { $0 + 0.5 * (p[$1] - q[$1]) * (logarithm(p[$1]) - logarithm(q[$1])) }
  }

  /// The derivative by p of one class.
  fileprivate func slope(_ p: Float, _ q: Float) -> Float {
    self == .squares ? 2 * (p - q) : 0.5 * (logarithm(p) - logarithm(q) + (p - q) / max(p, least))
  }
}

/// Σ w · difference over voxels of predicted background and of predicted foreground.
public func gatedDifference(
  _ p: UnsafePointer<Float>, _ q: UnsafePointer<Float>, weights w: UnsafePointer<Float>, _ difference: VoxelDifference,
  count: Int,
  classes: Int
) -> (background: Double, foreground: Double) {
  let sums = sumOverBlocks(count, sums: 2) { start, length, sums in
    for voxel in start..<start + length where w[voxel] != 0 {
      let row = p + voxel * classes
      sums[argmax(row, classes) > 0 ? 1 : 0] += Double(w[voxel] * difference.value(row, q + voxel * classes, classes))
    }
  }
  return (sums[0], sums[1])
}

/// The gradients of `gatedDifference`, times `scale` of background and of foreground voxels.
public func gatedDifferenceGradient(
  _ p: UnsafePointer<Float>, _ q: UnsafePointer<Float>, weights w: UnsafePointer<Float>, _ difference: VoxelDifference,
  scale: (background: Float, foreground: Float), dp: UnsafeMutablePointer<Float>, dq: UnsafeMutablePointer<Float>, count: Int,
  classes: Int
) {
  parallelFor(count, grain: grain) { start, end in
    for voxel in start..<end {
      let isForeground = argmax(p + voxel * classes, classes) > 0
      let factor = w[voxel] * (isForeground ? scale.foreground : scale.background)
      for i in voxel * classes..<(voxel + 1) * classes {
        dp[i] = factor == 0 ? 0 : factor * difference.slope(p[i], q[i])
        dq[i] = factor == 0 ? 0 : factor * difference.slope(q[i], p[i])
      }
    }
  }
}

/// The sums Σ w·p·q and Σ w·(p² + q²) of each class: two runs of K values.
public func gatedOverlap(
  _ p: UnsafePointer<Float>, _ q: UnsafePointer<Float>, weights w: UnsafePointer<Float>, count: Int, classes: Int
) -> [Double] {
  sumOverBlocks(count, sums: 2 * classes) { start, length, sums in
    for voxel in start..<start + length {
      for k in 0..<classes {
        let (one, two) = (p[voxel * classes + k], q[voxel * classes + k])
        sums[k] += Double(w[voxel] * one * two)
        sums[classes + k] += Double(w[voxel] * (one * one + two * two))
      }
    }
  }
}

/// dp = w · (onOther[k] · q + onSame[k] · p).
public func gatedOverlapGradient(
  _ p: UnsafePointer<Float>, _ q: UnsafePointer<Float>, weights w: UnsafePointer<Float>, onOther: [Float], onSame: [Float],
  into dp: UnsafeMutablePointer<Float>, count: Int, classes: Int
) {
  parallelFor(count, grain: grain) { start, end in
    for voxel in start..<end {
      for k in 0..<classes {
        let i = voxel * classes + k
        dp[i] = w[voxel] * (onOther[k] * q[i] + onSame[k] * p[i])
      }
    }
  }
}
