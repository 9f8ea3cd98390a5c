// Normalisation over the voxels of each channel, fused with the activation that follows it and with a sum before or after that.
// A slab is [rows, C]: the voxels of one sample, or of a whole batch, channels last.

import CKernels

/// Mean and biased variance of each channel of a slab.
public struct ChannelMoments: Sendable {
  public var mean: [Double]
  public var variance: [Double]

  public init(mean: [Double], variance: [Double]) { (self.mean, self.variance) = (mean, variance) }
}

/// Rows in one block of a sum: about 16k values, so that float partial sums stay short.
func blockRows(_ channels: Int) -> Int { max(128, 16384 / channels) }

/// Mean and biased variance of each channel of x [rows, C].
public func channelMoments(_ x: UnsafePointer<Float>, rows: Int, channels: Int) -> ChannelMoments {
  // Distances from the first row keep the variance exact where the mean is large.
  let sums = sumOverBlocks(rows, sums: 2 * channels, block: blockRows(channels)) { start, length, sums in
    cohort_moments(x + start * channels, x, length, channels, sums, sums + channels)
  }
  let offsets = (0..<channels).map { sums[$0] / Double(rows) }
  return ChannelMoments(
    mean: (0..<channels).map { Double(x[$0]) + offsets[$0] },
    variance: (0..<channels).map { max(0, sums[channels + $0] / Double(rows) - offsets[$0] * offsets[$0]) })
}

/// The sum of each column of x [rows, C].
public func columnSums(_ x: UnsafePointer<Float>, rows: Int, channels: Int) -> [Double] {
  sumOverBlocks(rows, sums: channels, block: blockRows(channels)) { start, length, sums in
    cohort_column_sums(x + start * channels, length, channels, sums)
  }
}

/// How one slab is normalised: z = scale · x + shift, which is weight · (x - mean) / √(variance + epsilon) + bias.
public struct SlabNormalization: Sendable {
  let mean: [Float]
  let inverseStandardDeviation: [Double]
  let scale: [Float]
  let shift: [Float]

  /// - Parameters `weight` and `bias`: [C], or nil for 1 and 0.
  public init(_ moments: ChannelMoments, epsilon: Double, weight: UnsafePointer<Float>?, bias: UnsafePointer<Float>?) {
    let channels = moments.mean.indices
    let inverse = moments.variance.map { 1 / ($0 + epsilon).squareRoot() }
    let factor = channels.map { inverse[$0] * Double(weight?[$0] ?? 1) }
    mean = moments.mean.map { Float($0) }
    inverseStandardDeviation = inverse
    scale = factor.map { Float($0) }
    shift = channels.map { Float(Double(bias?[$0] ?? 0) - moments.mean[$0] * factor[$0]) }
  }
}

/// What is added to a normalised value: before its activation (a residual block) or after it (a summed skip connection).
public enum NormalizationSum<Addend> {
  case none
  case beforeActivation(Addend)
  case afterActivation(Addend)

  public func map<Other>(_ transform: (Addend) -> Other) -> NormalizationSum<Other> {
    switch self {
    case .none: .none
    case .beforeActivation(let addend): .beforeActivation(transform(addend))
    case .afterActivation(let addend): .afterActivation(transform(addend))
    }
  }
}

/// y = leaky(z + before) + after with the given negative slope (0: ReLU, 1: no activation).
public func normalizeAndActivate(
  _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, rows: Int, channels: Int, _ normalization: SlabNormalization,
  slope: Float, adding sum: NormalizationSum<UnsafePointer<Float>>
) {
  var before: UnsafePointer<Float>?, after: UnsafePointer<Float>?
  switch sum {
  case .none: break
  case .beforeActivation(let addend): before = addend
  case .afterActivation(let addend): after = addend
  }
  parallelFor(rows, grain: blockRows(channels)) { start, end in
    let at = start * channels
    cohort_normalize(
      y + at, x + at, normalization.scale, normalization.shift, slope, before.map { $0 + at }, after.map { $0 + at }, end - start,
      channels)
  }
}

/// What the gradient of `normalizeAndActivate` reads and writes.
public struct NormalizationGradient {
  /// Gradient of the result.
  public var dy: UnsafePointer<Float>
  public var x: UnsafePointer<Float>
  /// Overwritten; may be `dy`.
  public var dx: UnsafeMutablePointer<Float>
  /// The result, and the addend's gradient to be overwritten (it may be `dy`), if something was added before the activation.
  public var residual: (y: UnsafePointer<Float>, gradient: UnsafeMutablePointer<Float>)?

  public init(
    dy: UnsafePointer<Float>, x: UnsafePointer<Float>, dx: UnsafeMutablePointer<Float>,
    residual: (y: UnsafePointer<Float>, gradient: UnsafeMutablePointer<Float>)?
  ) {
    (self.dy, self.x, self.dx, self.residual) = (dy, x, dx, residual)
  }

  /// - Parameter momentsOfX: the moments were taken from x itself, so that they move with it; else they were fixed.
  /// - Returns: the gradients by weight and bias, [C] each.
  public func run(rows: Int, channels: Int, _ normalization: SlabNormalization, slope: Float, momentsOfX: Bool)
    -> (weight: [Double], bias: [Double])
  {
    let (scale, shift) = (normalization.scale, normalization.shift)
    let sums = sumOverBlocks(rows, sums: 2 * channels, block: blockRows(channels)) { start, length, sums in
      let at = start * channels
      cohort_normalization_sums(
        dy + at, x + at, residual.map { $0.y + at }, scale, shift, normalization.mean, slope, length, channels, sums,
        sums + channels)
    }
    let bias = Array(sums[..<channels]),
      weight = (0..<channels).map { sums[channels + $0] * normalization.inverseStandardDeviation[$0] }
    // With x̂ = (x - mean) · inverse: dx = scale (g - mean g - x̂ mean(g x̂)), written out as a line in x.
    var onValue = [Float](repeating: 0, count: channels), constant = onValue
    if momentsOfX {
      for c in 0..<channels {
        let slope = -Double(scale[c]) * weight[c] / Double(rows) * normalization.inverseStandardDeviation[c]
        onValue[c] = Float(slope)
        constant[c] = Float(-Double(scale[c]) * bias[c] / Double(rows) - slope * Double(normalization.mean[c]))
      }
    }
    parallelFor(rows, grain: blockRows(channels)) { start, end in
      let at = start * channels
      cohort_normalization_gradient(
        dx + at, residual.map { $0.gradient + at }, dy + at, x + at, residual.map { $0.y + at }, scale, shift, slope, onValue,
        constant, end - start, channels)
    }
    return (weight, bias)
  }
}
