// Kernels against plain loops, and the promise that no result depends on the number of threads.

import Kernels
import Testing

@Suite(.serialized) struct KernelTests {
  /// A direct convolution: seven nested loops that are easy to believe.
  func direct(_ shape: ConvolutionShape, _ x: [Float], _ w: [Float]) -> [Float] {
    let (input, output, kernel) = (shape.input, shape.output, shape.kernel)
    var y: [Float] = []
    for d in 0..<output[0] {
      for h in 0..<output[1] {
        for column in 0..<output[2] {
          for o in 0..<shape.outputChannels {
            var sum = 0.0
            for kd in 0..<kernel[0] {
              for kh in 0..<kernel[1] {
                for kw in 0..<kernel[2] {
                  let at = [d * shape.stride[0] + kd, h * shape.stride[1] + kh, column * shape.stride[2] + kw]
                  let place = (0..<3).map { at[$0] - shape.padding[$0] }
                  guard (0..<3).allSatisfy({ (0..<input[$0]).contains(place[$0]) }) else { continue }
                  for i in 0..<shape.inputChannels {
                    let value = x[((place[0] * input[1] + place[1]) * input[2] + place[2]) * shape.inputChannels + i]
                    let weight = w[(((o * shape.inputChannels + i) * kernel[0] + kd) * kernel[1] + kh) * kernel[2] + kw]
                    sum += Double(value) * Double(weight)
                  }
                }
              }
            }
            y.append(Float(sum))
          }
        }
      }
    }
    return y
  }

  @Test(arguments: [(3, 1, 1, 1, 8), (3, 1, 1, 5, 3), (2, 2, 0, 4, 6), (1, 1, 0, 7, 2)])
  func convolutionEqualsTheDirectSum(kernel: Int, stride: Int, padding: Int, inputs: Int, outputs: Int) {
    let shape = ConvolutionShape(
      batch: 1, input: [4, 6, 8], inputChannels: inputs, outputChannels: outputs, kernel: [kernel, kernel, kernel],
      stride: [stride, stride, stride], padding: [padding, padding, padding], bias: false)
    let x = noise(4 * 6 * 8 * inputs, 1), w = noise(outputs * inputs * kernel * kernel * kernel, 2)
    var y = [Float](repeating: .nan, count: shape.output.reduce(1, *) * outputs)
    convolutionForward(shape, x: x, weights: w, bias: nil, y: &y)
    for (a, b) in zip(y, direct(shape, x, w)) { #expect(abs(a - b) < 1e-4) }
  }

  @Test(arguments: [[2, 2, 2], [1, 2, 2], [2, 1, 1]]) func patchConvolutionEqualsTheDirectSum(factors: [Int]) {
    let coarse = [3, 4, 5], (inputs, outputs) = (6, 7)
    let fine = (0..<3).map { coarse[$0] * factors[$0] }
    let shape = ConvolutionShape(
      batch: 1, input: fine, inputChannels: inputs, outputChannels: outputs, kernel: factors, stride: factors,
      padding: [0, 0, 0],
      bias: false)
    let x = noise(fine.reduce(1, *) * inputs, 1), w = noise(outputs * inputs * factors.reduce(1, *), 2)
    let patches = PatchShape(batch: 1, coarse: coarse, factors: factors, coarseChannels: outputs, fineChannels: inputs)
    var y = [Float](repeating: .nan, count: 60 * outputs)
    collectPatches(patches, fine: x, weights: w, bias: nil, into: &y)
    for (a, b) in zip(y, direct(shape, x, w)) { #expect(abs(a - b) < 1e-4) }
  }

  @Test func patchKernelsHaveTheSameBitsOnAnyNumberOfThreads() {
    let shape = PatchShape(batch: 2, coarse: [9, 16, 16], factors: [2, 2, 2], coarseChannels: 32, fineChannels: 16)
    let coarse = noise(2 * 9 * 256 * 32, 4), fine = noise(16 * 9 * 256 * 16, 5), w = noise(32 * 16 * 8, 6), before = Threads.count
    defer { Threads.set(before) }
    let results = [1, 2, 3].map { threads in
      Threads.set(threads)
      var y = [Float](repeating: .nan, count: fine.count), z = [Float](repeating: .nan, count: coarse.count), dw = w
      spreadPatches(shape, coarse: coarse, weights: w, bias: nil, into: &y)
      collectPatches(shape, fine: fine, weights: w, bias: nil, into: &z)
      patchWeightGradient(shape, coarse: coarse, fine: fine, into: &dw)
      return [y, z, dw]
    }
    let areSame = results.allSatisfy { $0 == results[0] }
    #expect(areSame)
  }

  @Test func sumsHaveTheSameBitsOnAnyNumberOfThreads() {
    let x = noise(300_001, 3), before = Threads.count
    defer { Threads.set(before) }
    let results = [1, 2, 3, 5].map { threads in
      Threads.set(threads)
      return (sumOfSquares(x, count: x.count), channelMoments(x, rows: 100_000, channels: 3).variance)
    }
    for result in results.dropFirst() { #expect(result.0 == results[0].0 && result.1 == results[0].1) }
    let plain = x.reduce(0.0) { $0 + Double($1) * Double($1) }
    #expect(abs(results[0].0 / plain - 1) < 1e-12)
  }

  @Test func everyElementIsVisitedOnce() {
    for count in [0, 1, 7, 1000] {
      let visits = Visits(count)
      parallelFor(count, grain: 3) { start, end in for index in start..<end { visits.counts[index] += 1 } }
      #expect((0..<count).allSatisfy { visits.counts[$0] == 1 })
    }
  }

  @Test func varianceSurvivesALargeMean() {
    let x = noise(20_000, 9).map { 1000 + 0.1 * $0 }
    let mean = x.reduce(0.0) { $0 + Double($1) } / 20_000
    let variance = x.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / 20_000
    let found = channelMoments(x, rows: 20_000, channels: 1)
    #expect(abs(found.variance[0] / variance - 1) < 1e-4 && abs(found.mean[0] - mean) < 1e-6)
  }

  @Test func softmaxOfExtremeScores() {
    let logits: [Float] = [1000, 0, -1000, -80, -80, -80, 0, 1, 2]
    var p = [Float](repeating: .nan, count: 9)
    softmax(logits, into: &p, count: 3, classes: 3)
    #expect(p[0] == 1 && p[1] >= 0 && p[1] < 1e-30 && abs(p[3] - 1.0 / 3) < 1e-6)
    #expect(abs(p[6] - 0.09003057) < 1e-6 && abs(p[8] - 0.66524096) < 1e-6)
  }
}

private final class Visits: @unchecked Sendable {
  let counts: UnsafeMutablePointer<Int>
  init(_ count: Int) {
    counts = .allocate(capacity: max(1, count))
    counts.initialize(repeating: 0, count: max(1, count))
  }
  deinit { counts.deallocate() }
}
