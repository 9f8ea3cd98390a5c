// Activations, element by element, and the binary cross entropy on logits. Gradients are made in the place of dy.

import CKernels

private let grain = 1 << 13

/// y = x · Φ(x) with the normal distribution Φ: exact GELU, not its approximation by tanh.
public func gelu(_ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, count: Int) {
  parallelFor(count, grain: grain) { start, end in cohort_gelu(y + start, x + start, end - start) }
}

/// dy becomes dx.
public func geluGradient(_ dy: UnsafeMutablePointer<Float>, x: UnsafePointer<Float>, count: Int) {
  parallelFor(count, grain: grain) { start, end in cohort_gelu_gradient(dy + start, x + start, end - start) }
}

/// y = max(x, 0).
public func relu(_ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, count: Int) {
  parallelFor(count, grain: grain) { start, end in cohort_relu(y + start, x + start, end - start) }
}

/// dy becomes dx; y is the result of `relu`.
public func reluGradient(_ dy: UnsafeMutablePointer<Float>, y: UnsafePointer<Float>, count: Int) {
  parallelFor(count, grain: grain) { start, end in cohort_relu_gradient(dy + start, y + start, end - start) }
}

/// y = 1 / (1 + e^-x).
public func sigmoid(_ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, count: Int) {
  parallelFor(count, grain: grain) { start, end in cohort_sigmoid(y + start, x + start, end - start) }
}

/// dy becomes dx; y is the result of `sigmoid`.
public func sigmoidGradient(_ dy: UnsafeMutablePointer<Float>, y: UnsafePointer<Float>, count: Int) {
  parallelFor(count, grain: grain) { start, end in cohort_sigmoid_gradient(dy + start, y + start, end - start) }
}

/// y = tanh x = 2 / (1 + e^-2x) - 1.
public func hyperbolicTangent(_ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, count: Int) {
  parallelFor(count, grain: grain) { start, end in
    for i in start..<end { y[i] = 2 * x[i] }
    cohort_sigmoid(y + start, y + start, end - start)
    for i in start..<end { y[i] = 2 * y[i] - 1 }
  }
}

/// dy becomes dx; y is the result of `hyperbolicTangent`.
public func hyperbolicTangentGradient(_ dy: UnsafeMutablePointer<Float>, y: UnsafePointer<Float>, count: Int) {
  parallelFor(count, grain: grain) { start, end in for i in start..<end { dy[i] *= 1 - y[i] * y[i] } }
}

/// Σ -t log p - (1 - t) log(1 - p) with p = sigmoid(z), finite for every finite z.
public func binaryCrossEntropySum(_ z: UnsafePointer<Float>, targets t: UnsafePointer<Float>, count: Int) -> Double {
  sumOverBlocks(count, sums: 1) { start, length, sums in
    sums[0] = cohort_binary_cross_entropy(z + start, t + start, length)
  }[0]
}

/// dz = scale · (sigmoid(z) - t).
public func binaryCrossEntropyGradient(
  _ z: UnsafePointer<Float>, targets t: UnsafePointer<Float>, scale: Float, into dz: UnsafeMutablePointer<Float>, count: Int
) {
  parallelFor(count, grain: grain) { start, end in
    cohort_binary_cross_entropy_gradient(dz + start, z + start, t + start, scale, end - start)
  }
}
