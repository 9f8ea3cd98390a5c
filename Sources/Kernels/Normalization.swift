// Normalisation over the voxels of each channel, fused with the activation that follows it. Rows are voxels, channels last.

import CKernels

/// What normalising one [rows, channels] slab needs afterwards: x̂ = scale · x + shift.
public struct NormalizationStatistics: Sendable {
  public var scale: [Float]
  public var shift: [Float]
  public var mean: [Double]
  public var variance: [Double]
}

/// Rows in one block of a sum: about 16k values, so that float partial sums stay short.
private func blockRows(_ channels: Int) -> Int { max(128, 16384 / channels) }

/// Mean and biased variance of each channel, and scale = 1/√(variance + epsilon), shift = -mean · scale.
public func normalizationStatistics(_ x: UnsafePointer<Float>, rows: Int, channels: Int, epsilon: Double)
  -> NormalizationStatistics
{
  // Distances from the first row keep the variance exact where the mean is large.
  let sums = sumOverBlocks(rows, sums: 2 * channels, block: blockRows(channels)) { start, length, sums in
    cohort_moments(x + start * channels, x, length, channels, sums, sums + channels)
  }
  var statistics = NormalizationStatistics(scale: [], shift: [], mean: [], variance: [])
  for channel in 0..<channels {
    let offset = sums[channel] / Double(rows)
    let variance = max(0, sums[channels + channel] / Double(rows) - offset * offset)
    let mean = Double(x[channel]) + offset, scale = 1 / (variance + epsilon).squareRoot()
    statistics.mean.append(mean)
    statistics.variance.append(variance)
    statistics.scale.append(Float(scale))
    statistics.shift.append(Float(-mean * scale))
  }
  return statistics
}

/// y = leaky(scale · x + shift) with the given negative slope (0: ReLU, 1: no activation).
public func normalizeAndActivate(
  _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, rows: Int, channels: Int, statistics: NormalizationStatistics,
  slope: Float
) {
  parallelFor(rows, grain: blockRows(channels)) { start, end in
    cohort_scale_shift_activate(
      y + start * channels, x + start * channels, statistics.scale, statistics.shift, slope, end - start, channels)
  }
}

/// dx of `normalizeAndActivate` with the statistics taken from x itself: overwrites dx.
public func normalizationGradient(
  dy: UnsafePointer<Float>, x: UnsafePointer<Float>, into dx: UnsafeMutablePointer<Float>, rows: Int, channels: Int,
  statistics: NormalizationStatistics, slope: Float
) {
  let scale = statistics.scale, shift = statistics.shift
  let sums = sumOverBlocks(rows, sums: 2 * channels, block: blockRows(channels)) { start, length, sums in
    cohort_normalization_sums(
      dy + start * channels, x + start * channels, scale, shift, slope, length, channels, sums, sums + channels)
  }
  // dx = scale (g - mean g - x̂ mean(g x̂)), with x̂ = scale x + shift written out as a line in x.
  var onValue: [Float] = [], constant: [Float] = []
  for channel in 0..<channels {
    let meanGradient = sums[channel] / Double(rows), meanProduct = sums[channels + channel] / Double(rows)
    let s = Double(scale[channel]), t = Double(shift[channel])
    onValue.append(Float(-s * meanProduct * s))
    constant.append(Float(-s * (meanGradient + meanProduct * t)))
  }
  parallelFor(rows, grain: blockRows(channels)) { start, end in
    cohort_normalization_gradient(
      dx + start * channels, dy + start * channels, x + start * channels, scale, shift, slope, scale, onValue, constant,
      end - start, channels)
  }
}
