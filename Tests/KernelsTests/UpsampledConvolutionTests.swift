// Convolution on the coarse grid against upsampling first and convolving then: the reference. Axes: D H W voxels, I input channels,
// O output channels.

import Kernels
import TestSupport
import Testing

@Suite(.serialized) struct UpsampledConvolutionTests {
  static let examples = [
    UpsampledExample(coarse: [4, 6, 5], inputs: 8, outputs: 16, stored: 20, channel: 12, upsampling: .linear),
    UpsampledExample(batch: 2, coarse: [3, 4, 7], inputs: 5, outputs: 3, upsampling: .linear),
    UpsampledExample(coarse: [1, 3, 2], inputs: 4, outputs: 4, upsampling: .linear),
    UpsampledExample(coarse: [5, 4, 6], inputs: 16, outputs: 8, stored: 24, channel: 0, upsampling: .nearest([2, 2, 2])),
    UpsampledExample(batch: 2, coarse: [6, 3, 4], inputs: 6, outputs: 5, upsampling: .nearest([1, 2, 3])),
    UpsampledExample(coarse: [4, 5, 3], inputs: 7, outputs: 9, kernel: 1, upsampling: .nearest([2, 2, 2])),
    // Several products for each plane, several groups of planes in the weight gradient.
    UpsampledExample(coarse: [18, 20, 24], inputs: 16, outputs: 16, upsampling: .linear),
  ]

  @Test(arguments: examples) func forwardAgrees(example: UpsampledExample) {
    let before = noise(example.fineCount * example.outputs, 9)
    var y = before
    upsampledConvolutionForward(example.shape, x: example.x, weights: example.slice, addingTo: &y)
    let added = zip(y, before).map { $0 - $1 }
    #expect(differenceOverRange(added, example.referenceOutput) < 2e-5)
  }

  @Test(arguments: examples) func gradientsAgree(example: UpsampledExample) {
    let found = example.gradients(), (expectedX, expectedW) = example.referenceGradients
    #expect(differenceOverRange(found[0], expectedX) < 2e-5)
    #expect(differenceOverRange(found[1], expectedW) < 2e-5)
  }

  @Test func trilinearUpsamplingAgrees() {
    let input = [3, 4, 2], x = noise(2 * 24 * 5, 4)
    var y = [Float](repeating: .nan, count: 8 * x.count)
    doubleSize(x, into: &y, batch: 2, input: input, channels: 5)
    let expected = UpsamplingReference(trilinear: input, batch: 2, channels: 5).upsampled(x)
    #expect(zip(y, expected).allSatisfy { abs($0 - $1) < 1e-6 })
  }

  @Test(arguments: examples) func bitsAreTheSameOnEveryRunAndNumberOfThreads(example: UpsampledExample) {
    let threads = Threads.count
    defer { Threads.set(threads) }
    let (y, gradients) = (example.output(), example.gradients())
    for count in [1, 2, threads] {
      Threads.set(count)
      let isSame = example.output() == y && example.gradients() == gradients
      #expect(isSame, "\(count) threads")
    }
  }
}

/// An upsampled tensor and a slice of stored weights.
struct UpsampledExample: CustomTestStringConvertible, Sendable {
  enum Kind: Sendable {
    case linear
    case nearest([Int])
  }
  let shape: UpsampledConvolutionShape
  let outputs: Int
  let x, weights, dy: [Float]
  private let kind: Kind
  /// First input channel of the slice.
  private let channel: Int

  init(
    batch: Int = 1, coarse: [Int], inputs: Int, outputs: Int, stored: Int? = nil, channel: Int = 0, kernel: Int = 3,
    upsampling: Kind
  ) {
    let axes: [Upsampling] =
      switch upsampling {
      case .linear: [.linear, .linear, .linear]
      case .nearest(let factors): factors.map { .nearest($0) }
      }
    shape = UpsampledConvolutionShape(
      batch: batch, input: coarse, inputChannels: inputs, outputChannels: outputs, kernel: [kernel, kernel, kernel],
      upsampling: axes, storedChannels: stored ?? inputs)
    (self.outputs, self.channel, kind) = (outputs, channel, upsampling)
    x = noise(batch * coarse.reduce(1, *) * inputs, 1)
    weights = noise(outputs * shape.storedChannels * kernel * kernel * kernel, 2)
    dy = noise(batch * shape.output.reduce(1, *) * outputs, 3)
  }

  var testDescription: String {
    "\(shape.batch) x \(shape.input), \(shape.inputChannels) of \(shape.storedChannels) to \(outputs), kernel \(shape.kernel[0]), \(kind)"
  }

  var fineCount: Int { shape.batch * shape.output.reduce(1, *) }
  private var taps: Int { shape.kernel.reduce(1, *) }
  /// The weights from the slice's first element on.
  var slice: [Float] { Array(weights[(channel * taps)...]) }

  func output() -> [Float] {
    var y = [Float](repeating: 0, count: fineCount * outputs)
    upsampledConvolutionForward(shape, x: x, weights: slice, addingTo: &y)
    return y
  }

  /// dx, and dw of the slice's channels.
  func gradients() -> [[Float]] {
    var dx = x, dw = slice
    upsampledConvolutionBackward(shape, x: x, dy: dy, weights: slice, dx: &dx, dw: &dw)
    return [dx, ofSlice(dw)]
  }

  // MARK: The reference: upsample, then convolve

  private var reference: ConvolutionShape {
    ConvolutionShape(
      batch: shape.batch, input: shape.output, inputChannels: shape.inputChannels, outputChannels: outputs, kernel: shape.kernel,
      stride: [1, 1, 1], padding: shape.kernel.map { $0 / 2 }, bias: false, storedChannels: shape.storedChannels)
  }

  private var upsampling: UpsamplingReference {
    switch kind {
    case .linear: UpsamplingReference(trilinear: shape.input, batch: shape.batch, channels: shape.inputChannels)
    case .nearest(let factors):
      UpsamplingReference(nearest: shape.input, factors: factors, batch: shape.batch, channels: shape.inputChannels)
    }
  }

  var referenceOutput: [Float] {
    var y = dy
    convolutionForward(reference, x: upsampling.upsampled(x), weights: slice, bias: nil, y: &y)
    return y
  }

  var referenceGradients: (dx: [Float], dw: [Float]) {
    var fine = upsampling.upsampled(x), dw = slice
    convolutionBackwardWeights(reference, x: fine, dy: dy, dw: &dw, db: nil)
    convolutionBackwardData(reference, dy: dy, weights: slice, dx: &fine)
    return (upsampling.gradient(fine), ofSlice(dw))
  }

  /// The elements of stored weights that belong to the slice.
  private func ofSlice(_ stored: [Float]) -> [Float] {
    (0..<outputs).flatMap {
      stored[($0 * shape.storedChannels * taps)..<($0 * shape.storedChannels + shape.inputChannels) * taps]
    }
  }
}
