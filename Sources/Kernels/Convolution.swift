// 3D convolution on channels-last activations: forward, data gradient and weight gradient.
// Axes: B batch, D H W voxels, I input channels, O output channels. Weights stay in PyTorch's [O, I, kD, kH, kW].

import COneDNN

/// y = w * x + b.
/// - Parameter accumulates: adds to y instead of overwriting it.
public func convolutionForward(
  _ shape: ConvolutionShape, x: UnsafePointer<Float>, weights: UnsafePointer<Float>, bias: UnsafePointer<Float>?,
  y: UnsafeMutablePointer<Float>, accumulates: Bool = false
) {
  if Winograd.suits(shape) {
    return Winograd.forward(shape, x: x, weights: weights, bias: bias, y: y, accumulates: accumulates)
  }
  directConvolutionForward(shape, x: x, weights: weights, bias: bias, y: y, accumulates: accumulates)
}

/// Computes `convolutionForward` always as the direct sum by oneDNN, whose rate is what convolutions are judged by.
package func directConvolutionForward(
  _ shape: ConvolutionShape, x: UnsafePointer<Float>, weights: UnsafePointer<Float>, bias: UnsafePointer<Float>?,
  y: UnsafeMutablePointer<Float>, accumulates: Bool = false
) {
  let kind = DirectConvolution.Kind(shape: shape, direction: .forward, accumulates: accumulates)
  DirectConvolution.run(kind, source: x, packed: DirectConvolution.packed(kind, weights: weights), bias: bias, destination: y)
}

/// dx from dy: overwrites dx.
public func convolutionBackwardData(
  _ shape: ConvolutionShape, dy: UnsafePointer<Float>, weights: UnsafePointer<Float>, dx: UnsafeMutablePointer<Float>
) {
  if Winograd.suits(shape) { return Winograd.backwardData(shape, dy: dy, weights: weights, dx: dx) }
  let kind = DirectConvolution.Kind(shape: shape, direction: .backwardData)
  DirectConvolution.run(kind, source: dx, packed: DirectConvolution.packed(kind, weights: weights), destination: dy)
}

/// dw (and db where the convolution has a bias) from x and dy: overwrites both.
public func convolutionBackwardWeights(
  _ shape: ConvolutionShape, x: UnsafePointer<Float>, dy: UnsafePointer<Float>, dw: UnsafeMutablePointer<Float>,
  db: UnsafeMutablePointer<Float>?
) {
  if Winograd.suits(shape) { return Winograd.backwardWeights(shape, x: x, dy: dy, dw: dw, db: db) }
  DirectConvolution.weightGradient(shape, x: x, dy: dy, dw: dw, db: db)
}

/// The version of oneDNN that the program runs with, for example 2.6.3.
public var oneDNNVersion: String {
  let version = dnnl_version().pointee
  return "\(version.major).\(version.minor).\(version.patch)"
}
