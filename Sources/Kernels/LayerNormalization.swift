// Normalisation of each row by its own mean and biased variance: y = gain · (x - mean) / √(variance + epsilon) + bias.

import CKernels

/// - Shape: x and y [rows, C], gain and bias [C].
public func layerNormalization(
  _ x: UnsafePointer<Float>, gain: UnsafePointer<Float>, bias: UnsafePointer<Float>, epsilon: Double,
  into y: UnsafeMutablePointer<Float>, rows: Int, channels: Int
) {
  parallelFor(rows, grain: 1 + (1 << 13) / channels) { start, end in
    cohort_layer_norm(y + start * channels, x + start * channels, gain, bias, Float(epsilon), end - start, channels)
  }
}

/// dy becomes dx; the moments are computed again from x.
/// - Returns: the gradients by gain and bias, [C] each.
public func layerNormalizationGradient(
  _ dy: UnsafeMutablePointer<Float>, x: UnsafePointer<Float>, gain: UnsafePointer<Float>, epsilon: Double, rows: Int,
  channels: Int
) -> (gain: [Double], bias: [Double]) {
  let sums = sumOverBlocks(rows, sums: 2 * channels, block: blockRows(channels)) { start, length, sums in
    cohort_layer_norm_gradient(
      dy + start * channels, x + start * channels, gain, Float(epsilon), length, channels, sums, sums + channels)
  }
  return (Array(sums[..<channels]), Array(sums[channels...]))
}
