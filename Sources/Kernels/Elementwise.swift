// Element-by-element kernels on spans of floats, spread over the threads. No result depends on the number of threads.

import CKernels

private let grain = 1 << 15

/// y += x, n values.
public func add(_ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, count: Int) {
  parallelFor(count, grain: grain) { start, end in cohort_add(y + start, x + start, end - start) }
}

/// y = x, n values.
public func copyFloats(_ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, count: Int) {
  parallelFor(count, grain: grain) { start, end in (y + start).update(from: x + start, count: end - start) }
}

/// y = factor · x, n values.
public func scale(_ x: UnsafePointer<Float>, by factor: Float, into y: UnsafeMutablePointer<Float>, count: Int) {
  parallelFor(count, grain: grain) { start, end in for i in start..<end { y[i] = factor * x[i] } }
}

/// y = a · b, n values; b has `period` values, which are repeated.
public func product(
  _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, period: Int, into y: UnsafeMutablePointer<Float>, count: Int
) {
  parallelFor(count, grain: grain) { start, end in for i in start..<end { y[i] = a[i] * b[i % period] } }
}

/// y = value, n values.
public func fill(_ y: UnsafeMutablePointer<Float>, with value: Float, count: Int) {
  parallelFor(count, grain: grain) { start, end in (y + start).update(repeating: value, count: end - start) }
}

/// y = a + b, n values; b has `period` values, which are repeated.
public func sum(
  _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, period: Int, into y: UnsafeMutablePointer<Float>, count: Int
) {
  parallelFor(count, grain: grain) { start, end in
    var at = start
    while at < end {
      let length = min(end - at, period - at % period)
      cohort_sum(y + at, a + at, b + at % period, length)
      at += length
    }
  }
}

/// Σ a·b, by fixed blocks added in order.
public func innerProduct(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, count: Int) -> Double {
  sumOverBlocks(count, sums: 1) { start, length, sums in sums[0] = cohort_inner_product(a + start, b + start, length) }[0]
}

/// The sum of squares, by fixed blocks added in order.
public func sumOfSquares(_ x: UnsafePointer<Float>, count: Int) -> Double { innerProduct(x, x, count: count) }

/// y = Σ weight · x over the terms, n values.
public func weightedSum(
  _ terms: [(weight: Float, x: UnsafePointer<Float>)], into y: UnsafeMutablePointer<Float>, count: Int
) {
  let weights = terms.map(\.weight)
  parallelFor(count, grain: grain) { start, end in
    cohort_weighted_rows(y + start, terms.map { $0.x + start }, weights, terms.count, end - start)
  }
}

/// One step of stochastic gradient descent with momentum and weight decay, as PyTorch writes it, with d = g + decay · p:
/// v = momentum · v + d; p -= learningRate · v, or in Nesterov's form p -= learningRate · (d + momentum · v).
public func sgdStep(
  parameters: UnsafeMutablePointer<Float>, momentumBuffer: UnsafeMutablePointer<Float>, gradients: UnsafePointer<Float>,
  learningRate: Float, momentum: Float, nesterov: Bool, decay: Float, count: Int
) {
  let kernel = nesterov ? cohort_sgd_nesterov : cohort_sgd
  parallelFor(count, grain: grain) { start, end in
    kernel(parameters + start, momentumBuffer + start, gradients + start, learningRate, momentum, decay, end - start)
  }
}

/// One step of AdamW, as PyTorch writes it: p -= learningRate · decay · p; the running means m of g and v of g²; then
/// p -= learningRate · m / (1 - beta1^t) / (√(v / (1 - beta2^t)) + epsilon).
/// - Parameter step: t, from 1.
public func adamwStep(
  parameters: UnsafeMutablePointer<Float>, means: UnsafeMutablePointer<Float>, squares: UnsafeMutablePointer<Float>,
  gradients: UnsafePointer<Float>, learningRate: Double, decay: Double, betas: (Double, Double), epsilon: Double, step: Int,
  count: Int
) {
  let size = Float(learningRate / (1 - raise(betas.0, to: Double(step))))
  let root = Float((1 / (1 - raise(betas.1, to: Double(step)))).squareRoot()), keep = Float(1 - learningRate * decay)
  parallelFor(count, grain: grain) { start, end in
    cohort_adamw(
      parameters + start, means + start, squares + start, gradients + start, keep, size, root, Float(betas.0), Float(betas.1),
      Float(epsilon), end - start)
  }
}

/// y = keep · y + (1 - keep) · x: one step of a moving average.
public func follow(_ x: UnsafePointer<Float>, by y: UnsafeMutablePointer<Float>, keep: Float, count: Int) {
  parallelFor(count, grain: grain) { start, end in cohort_follow(y + start, x + start, keep, end - start) }
}

/// y = x + noise of standard deviation `standardDeviation`, cut off at ±`limit`: element i gets the Gaussian of (key, i).
public func addNoise(
  _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, standardDeviation: Float, limit: Float, key: UInt64, count: Int
) {
  parallelFor(count, grain: grain) { start, end in
    cohort_add_noise(y + start, x + start, key, UInt64(start), standardDeviation, limit, end - start)
  }
}

/// y = x / (1 - probability) where the hashed bits of (key, index) keep the element, else 0. The same call on dy is the gradient.
public func dropout(
  _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, count: Int, probability: Double, key: UInt64
) {
  let threshold = UInt32((probability * 65536).rounded()), keep = Float(1 / (1 - probability))
  let blocks = (count + grain - 1) / grain
  forEachBlock(blocks) { block in
    let start = block * grain
    cohort_dropout(y + start, x + start, key, UInt64(start), threshold, keep, min(grain, count - start))
  }
}

/// y = factor · x with a factor for each of B samples and C channels; y may be x.
public func scaleChannels(
  _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, factors: [Float], samples: Int, rows: Int, channels: Int
) {
  for sample in 0..<samples {
    let offset = sample * rows * channels
    factors.withUnsafeBufferPointer { factors in
      let factorsOfSample = factors.baseAddress! + sample * channels
      parallelFor(rows, grain: grain / channels + 1) { start, end in
        cohort_scale_channels(
          y + offset + start * channels, x + offset + start * channels, factorsOfSample, end - start, channels)
      }
    }
  }
}

/// Sums over 0..<count by blocks of fixed size, added in block order: the association never depends on the threads.
/// `body(start, length, sums)` adds one block's values to `sums`, which begin at zero.
public func sumOverBlocks(
  _ count: Int, sums: Int, block: Int = 1 << 15, _ body: (Int, Int, UnsafeMutablePointer<Double>) -> Void
) -> [Double] {
  let blocks = (count + block - 1) / block
  var partial = [Double](repeating: 0, count: blocks * sums)
  partial.withUnsafeMutableBufferPointer { buffer in
    let base = buffer.baseAddress!
    forEachBlock(blocks) { index in
      body(index * block, min(block, count - index * block), base + index * sums)
    }
  }
  var total = [Double](repeating: 0, count: sums)
  for index in 0..<blocks { for slot in 0..<sums { total[slot] += partial[index * sums + slot] } }
  return total
}
