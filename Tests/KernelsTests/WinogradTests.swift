// Winograd's convolution against sums in double precision, and the promise of the same bits on every run.
// Axes: B batch, D H W voxels, I input channels, O output channels.

import Kernels
import Testing

@Suite(.serialized) struct WinogradTests {
  static let examples = [
    WinogradExample(size: [4, 5, 4], inputs: 16, outputs: 32),
    WinogradExample(batch: 2, size: [7, 12, 9], inputs: 32, outputs: 16, bias: true),
    WinogradExample(size: [9, 3, 17], inputs: 16, outputs: 16, stored: 48, channel: 16, bias: true),
    WinogradExample(batch: 2, size: [2, 4, 4], inputs: 16, outputs: 16),
    WinogradExample(size: [1, 4, 7], inputs: 16, outputs: 16),
    // Several chunks of tiles, the last one smaller.
    WinogradExample(batch: 2, size: [17, 48, 50], inputs: 16, outputs: 32, bias: true),
  ]

  /// Of the largest value. Against double precision 1.8e-6 was measured with 32 channels and 8e-6 with 512; direct sums have 1e-6.
  let tolerance: Float = 2e-5

  private func expect(_ found: [Float], _ expected: (Int) -> Double, every step: Int = 1) {
    let range = found.lazy.map { abs($0) }.max()!
    var worst: Float = 0
    for index in stride(from: 0, to: found.count, by: step) { worst = max(worst, abs(found[index] - Float(expected(index)))) }
    #expect(worst <= tolerance * range, "\(worst / range) of the range")
    #expect(found.allSatisfy { $0.isFinite })
  }

  @Test(arguments: examples) func forward(example: WinogradExample) {
    expect(example.forward(), example.expectedOutput, every: example.sampling)
  }

  @Test(arguments: examples) func forwardAddsToTheOutput(example: WinogradExample) {
    let before = example.dy
    expect(example.forward(addingTo: before), { Double(before[$0]) + example.expectedOutput($0) }, every: example.sampling)
  }

  @Test(arguments: examples) func dataGradient(example: WinogradExample) {
    expect(example.dataGradient(), example.expectedDataGradient, every: example.sampling)
  }

  @Test(arguments: examples) func weightGradient(example: WinogradExample) {
    let (dw, db) = example.weightGradient()
    expect(dw, example.expectedWeightGradient, every: example.sampling)
    if example.shape.bias { expect(db, example.expectedBiasGradient) }
  }

  @Test(arguments: examples) func bitsAreTheSameOnEveryRunAndNumberOfThreads(example: WinogradExample) {
    let before = Threads.count
    defer { Threads.set(before) }
    let weights = example.weightGradient()
    let again = example.weightGradient()
    let repeats = weights.dw == again.dw && weights.db == again.db
    #expect(repeats)
    let (y, dx) = (example.forward(), example.dataGradient())
    for threads in [1, 2, before] {
      Threads.set(threads)
      let isSame = example.forward() == y && example.dataGradient() == dx
      #expect(isSame, "\(threads) threads")
    }
  }

  @Test func theShapeDecidesWhetherWinogradIsUsed() {
    func suits(_ inputs: Int, _ outputs: Int, _ size: [Int], kernel: Int = 3, stride: Int = 1, padding: Int = 1) -> Bool {
      Winograd.suits(
        ConvolutionShape(
          batch: 1, input: size, inputChannels: inputs, outputChannels: outputs, kernel: [kernel, kernel, kernel],
          stride: [stride, stride, stride], padding: [padding, padding, padding], bias: false))
    }
    #expect(suits(16, 16, [96, 96, 96]) && suits(96, 32, [56, 56, 40]) && suits(128, 128, [12, 12, 12]))
    #expect(!suits(256, 256, [6, 6, 6]) && !suits(256, 256, [7, 7, 5]), "few voxels: transforming the filters costs more")
    #expect(!suits(32, 32, [5, 40, 40]) && !suits(32, 32, [2, 40, 40]), "the last tile is mostly empty")
    #expect(!suits(1, 16, [96, 96, 96]) && !suits(16, 3, [96, 96, 96]))
    #expect(!suits(16, 16, [96, 96, 96], kernel: 1, padding: 0) && !suits(16, 16, [96, 96, 96], stride: 2))
  }

  @Test func convolutionsOfASuitableShapeAreWinograds() {
    let example = Self.examples[1], shape = example.shape
    #expect(Winograd.suits(shape))
    var y = example.dy, dx = example.x, dw = example.weights, db = example.bias
    convolutionForward(shape, x: example.x, weights: example.weights, bias: example.bias, y: &y)
    convolutionBackwardData(shape, dy: example.dy, weights: example.weights, dx: &dx)
    convolutionBackwardWeights(shape, x: example.x, dy: example.dy, dw: &dw, db: &db)
    let gradients = example.weightGradient()
    let isWinograds = y == example.forward() && dx == example.dataGradient() && dw == gradients.dw && db == gradients.db
    #expect(isWinograds)
  }
}

/// A convolution on fixed noise, by Winograd's algorithm and, one value at a time, by plain sums.
struct WinogradExample: CustomTestStringConvertible, Sendable {
  let shape: ConvolutionShape
  let x, dy, weights, bias: [Float]
  /// The first of the stored input channels that the convolution reads.
  let channel: Int

  init(batch: Int = 1, size: [Int], inputs: Int, outputs: Int, stored: Int? = nil, channel: Int = 0, bias: Bool = false) {
    shape = ConvolutionShape(
      batch: batch, input: size, inputChannels: inputs, outputChannels: outputs, kernel: [3, 3, 3], stride: [1, 1, 1],
      padding: [1, 1, 1], bias: bias, storedChannels: stored)
    let voxels = batch * size.reduce(1, *)
    x = noise(voxels * inputs, 1)
    dy = noise(voxels * outputs, 2)
    weights = noise(outputs * shape.storedChannels * 27, 3)
    self.bias = noise(outputs, 4)
    self.channel = channel
  }

  var testDescription: String { "\(shape.batch) x \(shape.input), \(shape.inputChannels) to \(shape.outputChannels)" }

  /// Plain sums are slow: of a large result a part is compared, the step having no factor in common with sizes.
  var sampling: Int { shape.operations > 1e8 ? 5003 : 1 }

  private var offset: Int { shape.offset(ofChannel: channel) }

  func forward(addingTo before: [Float]? = nil) -> [Float] {
    var y = before ?? [Float](repeating: .nan, count: dy.count)
    weights.withUnsafeBufferPointer {
      Winograd.forward(
        shape, x: x, weights: $0.baseAddress! + offset, bias: shape.bias ? bias : nil, y: &y, accumulates: before != nil)
    }
    return y
  }

  func dataGradient() -> [Float] {
    var dx = [Float](repeating: .nan, count: x.count)
    weights.withUnsafeBufferPointer {
      Winograd.backwardData(shape, dy: dy, weights: $0.baseAddress! + offset, dx: &dx)
    }
    return dx
  }

  /// Zero where the slice of the weights has no part.
  func weightGradient() -> (dw: [Float], db: [Float]) {
    var dw = [Float](repeating: 0, count: weights.count), db = [Float](repeating: .nan, count: bias.count)
    dw.withUnsafeMutableBufferPointer { dw in
      db.withUnsafeMutableBufferPointer { db in
        Winograd.backwardWeights(shape, x: x, dy: dy, dw: dw.baseAddress! + offset, db: shape.bias ? db.baseAddress! : nil)
      }
    }
    return (dw, shape.bias ? db : [])
  }

  func expectedOutput(_ index: Int) -> Double {
    let o = index % shape.outputChannels
    var sum = shape.bias ? Double(bias[o]) : 0
    forEachNeighbour(of: index / shape.outputChannels) { tap, neighbour in
      for i in 0..<shape.inputChannels {
        sum += Double(x[neighbour * shape.inputChannels + i]) * Double(weights[weight(o, i, tap)])
      }
    }
    return sum
  }

  func expectedDataGradient(_ index: Int) -> Double {
    let i = index % shape.inputChannels
    var sum = 0.0
    forEachNeighbour(of: index / shape.inputChannels) { tap, neighbour in
      for o in 0..<shape.outputChannels {
        sum += Double(dy[neighbour * shape.outputChannels + o]) * Double(weights[weight(o, i, 26 - tap)])
      }
    }
    return sum
  }

  func expectedWeightGradient(_ index: Int) -> Double {
    let tap = index % 27, i = index / 27 % shape.storedChannels - channel, o = index / 27 / shape.storedChannels
    guard (0..<shape.inputChannels).contains(i) else { return 0 }
    var sum = 0.0
    for voxel in 0..<dy.count / shape.outputChannels {
      guard let neighbour = neighbour(of: voxel, tap) else { continue }
      sum += Double(x[neighbour * shape.inputChannels + i]) * Double(dy[voxel * shape.outputChannels + o])
    }
    return sum
  }

  func expectedBiasGradient(_ o: Int) -> Double {
    stride(from: o, to: dy.count, by: shape.outputChannels).reduce(0) { $0 + Double(dy[$1]) }
  }

  private func weight(_ o: Int, _ i: Int, _ tap: Int) -> Int { (o * shape.storedChannels + channel + i) * 27 + tap }

  private func forEachNeighbour(of voxel: Int, _ body: (_ tap: Int, _ neighbour: Int) -> Void) {
    for tap in 0..<27 { if let neighbour = neighbour(of: voxel, tap) { body(tap, neighbour) } }
  }

  /// The voxel of [B, D, H, W] that `tap` of [3, 3, 3] meets when the kernel's middle is at `voxel`; nil outside.
  private func neighbour(of voxel: Int, _ tap: Int) -> Int? {
    let (depth, height, width) = (shape.input[0], shape.input[1], shape.input[2])
    let d = voxel / (height * width) % depth + tap / 9 - 1, h = voxel / width % height + tap / 3 % 3 - 1,
      w = voxel % width + tap % 3 - 1
    guard (0..<depth).contains(d), (0..<height).contains(h), (0..<width).contains(w) else { return nil }
    return ((voxel / (depth * height * width) * depth + d) * height + h) * width + w
  }
}
