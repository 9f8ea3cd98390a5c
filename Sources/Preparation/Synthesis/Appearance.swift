// A random scanner: a monotone contrast curve, a smooth bias field and Rician noise. Voxels [D, H, W].

import Foundation
import Tensors
import Volumes

/// Changes intensities as another scanner and coil would, in place.
///
/// - Parameters:
///   - voxels: intensities with background 0 and bright tissue near 1; on return whole numbers with bright tissue near 1000.
///   - spacing: millimetres between voxels.
///   - scale: multiplies the size of the bias field's swell, 70 mm.
func changeAppearance(_ voxels: inout [Float], extent: Extent, spacing: Double, scale: Double, key: RandomKey) {
  let curve = ContrastCurve(key.child(0))
  let bias = smoothField(key.child(1), extent: extent, spacing: spacing, latticeSpacing: 70 * scale)
  let strength = Float(0.1 + 0.15 * key.uniform(10))
  let standardDeviation = Float(0.01 + 0.02 * key.uniform(11))
  let gain = Float(700 + 600 * key.uniform(12))
  let noise = (key.child(2), key.child(3))
  voxels.withUnsafeMutableBufferPointer { values in
    for index in 0..<values.count {
      let signal = curve(values[index]) * Float(exp(Double(strength * bias[index])))
      let real = signal + standardDeviation * Float(noise.0.gaussian(UInt64(index)))
      let imaginary = standardDeviation * Float(noise.1.gaussian(UInt64(index)))
      values[index] = (gain * (real * real + imaginary * imaginary).squareRoot()).rounded()
    }
  }
}

/// A random increasing piecewise-linear map of 0...1 onto itself; beyond 1 it goes on with slope 1.
package struct ContrastCurve: Sendable {
  private let knots: [Float]

  package init(_ key: RandomKey) {
    let steps = (0..<5).map { exp(0.15 * key.gaussian(UInt64($0))) }
    let total = steps.reduce(0, +)
    var knots: [Float] = [0]
    for step in steps { knots.append(knots[knots.count - 1] + Float(step / total)) }
    self.knots = knots
  }

  package func callAsFunction(_ value: Float) -> Float {
    if value >= 1 { return value }
    let position = max(value, 0) * 5
    let cell = min(Int(position), 4)
    return knots[cell] + (position - Float(cell)) * (knots[cell + 1] - knots[cell])
  }
}
