// Two random fields on their way to M - 1 and A: standardised, orthogonalised, squashed and projected (kunaljangid01/ReLiF_3D,
// code/ReLiF_3D_train_brats.py, `sobf_augment`; the projection after the squash is ours). Every sum is a Double in voxel order;
// because the steps before the squash are linear, they become coefficients of one pass.

import Volumes

/// The fields u (first) and v (second) [D, H, W].
struct FieldPair {
  private(set) var first: [Float]
  private(set) var second: [Float]

  init(_ first: [Float], _ second: [Float]) { (self.first, self.second) = (first, second) }

  /// Standardises both fields, takes the first out of the second, and brings each to its strength.
  mutating func squash(_ squash: SOBF.Squash, strengths: (multiplicative: Double, additive: Double)) {
    let sums = PairSums(first, second)
    let count = Double(first.count)
    let epsilon = 1e-6  // as published: keeps a constant field finite
    let standardDeviation = (sums.standardDeviations.first + epsilon, sums.standardDeviations.second + epsilon)
    // <a, m> / <m, m> of the standardised fields
    let squares = sums.firstSquares / (standardDeviation.0 * standardDeviation.0)
    let share = sums.product / (standardDeviation.0 * standardDeviation.1) / (squares + epsilon)
    var combine = LinearPair(
      firstScale: 1 / standardDeviation.0, secondScale: 1 / standardDeviation.1, firstIntoSecond: -share / standardDeviation.0,
      firstMean: sums.first / count, secondMean: sums.second / count)
    if squash == .none {
      // The standard deviation that a squashed field has, so that both forms are equally strong.
      combine.scale(0.628 * strengths.multiplicative, 0.628 * strengths.additive)
    }
    apply(combine)
    if squash == .tanh {
      scaledTanh(&first, Float(strengths.multiplicative))
      scaledTanh(&second, Float(strengths.additive))
    }
  }

  /// Makes both means zero and the fields orthogonal, and shrinks a field that then exceeds its limit.
  mutating func project(limits: (first: Double, second: Double)) {
    let sums = PairSums(first, second)
    let count = Double(first.count)
    let share = sums.firstSquares > 0 ? sums.product / sums.firstSquares : 0
    apply(
      LinearPair(
        firstScale: 1, secondScale: 1, firstIntoSecond: -share, firstMean: sums.first / count, secondMean: sums.second / count))
    limit(&first, to: limits.first)
    limit(&second, to: limits.second)
  }

  private mutating func apply(_ combine: LinearPair) {
    let (firstScale, secondScale, mixed) = (combine.firstScale, combine.secondScale, combine.firstIntoSecond)
    let (firstMean, secondMean) = (combine.firstMean, combine.secondMean)
    first.withUnsafeMutableBufferPointer { first in
      second.withUnsafeMutableBufferPointer { second in
        for voxel in 0..<first.count {
          let centred = Double(first[voxel]) - firstMean
          second[voxel] = Float((Double(second[voxel]) - secondMean) * secondScale + centred * mixed)
          first[voxel] = Float(centred * firstScale)
        }
      }
    }
  }

  private func limit(_ field: inout [Float], to bound: Double) {
    let range = channelRange(field, channel: 0, of: 1)
    let largest = Double(max(range.maximum, -range.minimum))
    guard largest > bound else { return }
    let factor = bound / largest
    field.withUnsafeMutableBufferPointer { field in
      for voxel in 0..<field.count { field[voxel] = Float(Double(field[voxel]) * factor) }
    }
  }
}

/// u <- firstScale·(u - mean), v <- secondScale·(v - mean) + firstIntoSecond·(u - mean).
private struct LinearPair {
  var firstScale, secondScale, firstIntoSecond, firstMean, secondMean: Double

  mutating func scale(_ first: Double, _ second: Double) {
    firstScale *= first
    secondScale *= second
    firstIntoSecond *= second
  }
}

/// Sums over the voxels of two fields; squares and product are of the centred fields.
private struct PairSums {
  var first = 0.0, second = 0.0, firstSquares = 0.0, secondSquares = 0.0, product = 0.0
  var count: Double

  init(_ f: [Float], _ g: [Float]) {
    count = Double(f.count)
    var (sumF, sumG, sumFF, sumGG, sumFG) = (0.0, 0.0, 0.0, 0.0, 0.0)
    f.withUnsafeBufferPointer { f in
      g.withUnsafeBufferPointer { g in
        for voxel in 0..<f.count {
          let (a, b) = (Double(f[voxel]), Double(g[voxel]))
          sumF += a
          sumG += b
          sumFF += a * a
          sumGG += b * b
          sumFG += a * b
        }
      }
    }
    (first, second) = (sumF, sumG)
    firstSquares = max(0, sumFF - sumF * sumF / count)
    secondSquares = max(0, sumGG - sumG * sumG / count)
    product = sumFG - sumF * sumG / count
  }

  /// Unbiased standard deviations.
  var standardDeviations: (first: Double, second: Double) {
    let degrees = max(1, count - 1)
    return ((firstSquares / degrees).squareRoot(), (secondSquares / degrees).squareRoot())
  }
}

/// values <- strength·tanh(values), to 1e-7, without a library call, so that the loop vectorises and every platform gives the same bits.
/// tanh|x| = (1 - t) / (1 + t) with t = exp(-2|x|) = 2^n·2^f, n integer, |f| <= 1/2, and the Taylor polynomial of 2^f.
package func scaledTanh(_ values: inout [Float], _ strength: Float) {
  let toInteger: Float = 12_582_912  // 1.5·2^23: adding it leaves the rounded integer in the low bits
  values.withUnsafeMutableBufferPointer { values in
    for voxel in 0..<values.count {
      let value = values[voxel]
      let magnitude = min(abs(value), 16)
      let exponent = magnitude * -2.885_390_1  // -2·log2(e)
      let shifted = exponent + toInteger
      let f = (exponent - (shifted - toInteger)) * 0.693_147_2
      let high = f * f * f * (1 / 6 + f * (1 / 24 + f * (1 / 120 + f * (1 / 720))))
      let power = 1 + f + f * f * 0.5 + high
      let t = Float(bitPattern: power.bitPattern &+ (shifted.bitPattern &<< 23))
      let positive = strength * (1 - t) / (1 + t)
      values[voxel] = value < 0 ? -positive : positive
    }
  }
}
