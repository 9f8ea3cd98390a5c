// Whether kernels give the same bits on any number of threads, for shapes of every kind: a program of its own, because the processor type
// for which OpenBLAS and oneDNN choose their kernels can only be named before they are loaded.

import Kernels

/// `kernel-bits`: fails with the names of the kernels whose bits depend on the number of threads.
let kernelBitsScenario = Scenario(name: "kernel-bits") { _, _ in
  let kernels = [convolutions, upsampledConvolutions, attentions, patches, products].flatMap { $0() }
  let different = kernels.flatMap(differences)
  print("\(kernels.count) kernels, OpenBLAS for \(openBLASCore), oneDNN \(oneDNNVersion)")
  try expect(
    different.isEmpty,
    "OpenBLAS for \(openBLASCore): \(different.count) results depend on the number of threads:\n"
      + different.prefix(40).joined(separator: "\n"))
}

/// One kernel on one shape, on fixed noise.
private struct KernelOfShape {
  let name: String
  /// Its results, each with a name.
  let run: () -> [(name: String, values: [Float])]
}

/// The results whose bits on several threads are not those on one. Numbers of threads that divide nothing evenly are among them.
private func differences(_ kernel: KernelOfShape) -> [String] {
  let before = Threads.count
  defer { Threads.set(before) }
  Threads.set(1)
  let alone = kernel.run()
  var counts = [[Int]](repeating: [], count: alone.count)
  for threads in [2, 3, 5] {
    Threads.set(threads)
    for (index, found) in kernel.run().enumerated() where !haveSameBits(found.values, alone[index].values) {
      counts[index].append(threads)
    }
  }
  return zip(alone, counts).compactMap { $1.isEmpty ? nil : "\(kernel.name), \($0.name): on \($1) threads" }
}

private func haveSameBits(_ a: [Float], _ b: [Float]) -> Bool { zip(a, b).allSatisfy { $0.bitPattern == $1.bitPattern } }

private func noise(_ count: Int, _ seed: UInt64) -> [Float] {
  var state = seed
  return (0..<count).map { _ in
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Float(Int64(bitPattern: state) >> 40) / Float(1 << 23)
  }
}

/// Floats of a result, before it is written.
private func empty(_ count: Int) -> [Float] { [Float](repeating: .nan, count: count) }

// MARK: The shapes

/// Products of every form: few rows, odd columns, sums that OpenBLAS cuts in parts (from 320 terms on), one tile and many.
private func products() -> [KernelOfShape] {
  let rows = [1, 2, 3, 5, 7, 8, 9, 13, 16, 17, 23, 31, 32, 33, 64, 100, 300], columns = [1, 3, 8, 15, 17, 33, 50, 65, 200, 513]
  let terms = [1, 7, 27, 96, 321, 500, 641, 1000, 3000], a = noise(300 * 3000, 1), b = noise(513 * 3000, 2)
  var kernels: [KernelOfShape] = []
  for (form, name) in [(ProductForm.plain, "a b"), (.firstTransposed, "aT b"), (.secondTransposed, "a bT")] {
    for m in rows {
      for n in columns {
        for k in terms where m * n * k <= 20_000_000 {
          kernels.append(
            KernelOfShape(name: "\(name) of [\(m), \(k)] and [\(k), \(n)]") {
              var c = empty(m * n)
              matrixProduct(form, a, b, into: &c, m: m, n: n, k: k)
              return [("product", c)]
            })
        }
      }
    }
  }
  return kernels
}

/// Convolutions with kernel = stride and their transposes, on a few places of many channels and on many of few.
private func patches() -> [KernelOfShape] {
  let shapes: [(batch: Int, coarse: [Int], factors: [Int], coarseChannels: Int, fineChannels: Int)] = [
    (1, [4, 4, 4], [2, 2, 2], 256, 128), (1, [3, 5, 7], [2, 2, 2], 33, 17), (2, [6, 6, 6], [1, 2, 2], 64, 48),
    (1, [8, 8, 8], [2, 2, 2], 128, 64), (1, [9, 13, 11], [2, 2, 2], 31, 40), (2, [9, 16, 16], [2, 2, 2], 32, 16),
    (1, [8, 8, 8], [16, 16, 16], 48, 1), (1, [2, 3, 1], [2, 2, 2], 320, 256), (1, [1, 1, 1], [2, 2, 2], 500, 30),
  ]
  return shapes.map { one in
    let shape = PatchShape(
      batch: one.batch, coarse: one.coarse, factors: one.factors, coarseChannels: one.coarseChannels,
      fineChannels: one.fineChannels)
    let places = one.batch * one.coarse.reduce(1, *), row = one.factors.reduce(1, *) * one.fineChannels
    let coarse = noise(places * one.coarseChannels, 1), fine = noise(places * row, 2),
      weights = noise(one.coarseChannels * row, 3)
    return KernelOfShape(name: "patches of \(one)") {
      var spread = empty(fine.count), collected = empty(coarse.count), dw = empty(weights.count)
      spreadPatches(shape, coarse: coarse, weights: weights, bias: noise(one.fineChannels, 4), into: &spread)
      collectPatches(shape, fine: fine, weights: weights, bias: noise(one.coarseChannels, 5), into: &collected)
      patchWeightGradient(shape, coarse: coarse, fine: fine, into: &dw)
      return [("transposed convolution", spread), ("convolution", collected), ("weight gradient", dw)]
    }
  }
}

private func attentions() -> [KernelOfShape] {
  let shapes = [
    AttentionShape(batch: 1, queries: 300, keys: 90, channels: 48, heads: 3),
    AttentionShape(batch: 1, queries: 50, keys: 700, channels: 33, heads: 1),
    AttentionShape(batch: 2, queries: 7, keys: 513, channels: 64, heads: 2),
  ]
  let plain = shapes.map { shape in
    let count = (shape.batch * shape.queries * shape.channels, shape.batch * shape.keys * shape.channels)
    let q = noise(count.0, 1), k = noise(count.1, 2), v = noise(count.1, 3), dy = noise(count.0, 4)
    return KernelOfShape(name: "\(shape)") {
      var y = empty(count.0), dq = y, dk = empty(count.1), dv = dk
      attentionForward(shape, q: q, k: k, v: v, into: &y)
      attentionBackward(shape, q: q, k: k, v: v, dy: dy, dq: &dq, dk: &dk, dv: &dv)
      return [("attention", y), ("dq", dq), ("dk", dk), ("dv", dv)]
    }
  }
  return plain + [(8, 8), (5, 7), (1, 3)].map { relativeAttentionKernel(grid: $0, window: $1) }
}

/// Windows larger than the grid have pad tokens, which have no gradients.
private func relativeAttentionKernel(grid: Int, window: Int) -> KernelOfShape {
  let shape = RelativeAttentionShape(batch: 1, heads: 2, headSize: 24, grid: grid, window: window), row = 48
  let tokens = grid * grid * grid, size = (2 * window - 1) * 24, tables = noise(3 * size, 1), padding = noise(3 * row, 2)
  let qkv = noise(tokens * 3 * row, 3), dy = noise(tokens * row, 4)
  return KernelOfShape(name: "relative attention, grid \(grid), window \(window)") {
    var y = empty(tokens * row), dqkv = empty(window > grid ? 0 : tokens * 3 * row), dtables = empty(window > grid ? 0 : 3 * size)
    tables.withUnsafeBufferPointer { tables in
      let axes = (0..<3).map { tables.baseAddress! + $0 * size }
      let positions = RelativePositions(depth: axes[0], height: axes[1], width: axes[2])
      relativeAttention(shape, qkv: qkv, positions: positions, padding: window > grid ? padding : nil, into: &y)
      if window > grid { return }
      dtables.withUnsafeMutableBufferPointer { dtables in
        let gradients = (0..<3).map { dtables.baseAddress! + $0 * size }
        relativeAttentionGradient(
          shape, qkv: qkv, positions: positions, dy: dy, dqkv: &dqkv,
          dpositions: RelativePositions(depth: gradients[0], height: gradients[1], width: gradients[2]))
      }
    }
    return [("attention", y), ("dqkv", dqkv), ("dpositions", dtables)]
  }
}

private func upsampledConvolutions() -> [KernelOfShape] {
  let shapes: [(batch: Int, input: [Int], inputs: Int, outputs: Int, kernel: Int, upsampling: Upsampling)] = [
    (1, [4, 6, 5], 8, 16, 3, .linear), (2, [3, 4, 7], 5, 3, 3, .linear), (1, [1, 3, 2], 4, 4, 3, .linear),
    (1, [5, 4, 6], 16, 8, 3, .nearest(2)), (2, [6, 3, 4], 6, 5, 3, .nearest(1)), (1, [4, 5, 3], 7, 9, 1, .nearest(2)),
    (1, [4, 4, 4], 330, 31, 3, .linear), (1, [7, 7, 5], 64, 33, 3, .linear), (1, [9, 11, 13], 23, 17, 3, .nearest(2)),
    (1, [13, 2, 3], 10, 6, 3, .linear),
  ]
  return shapes.map { one in
    let shape = UpsampledConvolutionShape(
      batch: one.batch, input: one.input, inputChannels: one.inputs, outputChannels: one.outputs,
      kernel: [one.kernel, one.kernel, one.kernel], upsampling: [one.upsampling, one.upsampling, one.upsampling],
      storedChannels: one.inputs)
    let voxels = one.batch * one.input.reduce(1, *), fine = one.batch * shape.output.reduce(1, *)
    let x = noise(voxels * one.inputs, 1), weights = noise(one.inputs * one.outputs * one.kernel * one.kernel * one.kernel, 2)
    let dy = noise(fine * one.outputs, 3)
    return KernelOfShape(name: "upsampled convolution \(one)") {
      var y = dy, dx = x, dw = weights
      upsampledConvolutionForward(shape, x: x, weights: weights, addingTo: &y)
      upsampledConvolutionBackward(shape, x: x, dy: dy, weights: weights, dx: &dx, dw: &dw)
      return [("forward", y), ("data gradient", dx), ("weight gradient", dw)]
    }
  }
}

/// Convolutions of oneDNN and of Winograd: with channels that are multiples of a vector and with others, strided, pointwise. oneDNN promises
/// nothing for the rest: weight gradients, which it sums over threads, and data gradients of strided ones.
private func convolutions() -> [KernelOfShape] {
  let shapes: [(batch: Int, input: [Int], inputs: Int, outputs: Int, kernel: Int, stride: Int)] = [
    (1, [8, 9, 7], 16, 16, 3, 1), (1, [8, 9, 7], 1, 16, 3, 1), (2, [5, 6, 7], 32, 48, 3, 2), (1, [5, 6, 7], 5, 3, 3, 1),
    (1, [6, 6, 6], 64, 64, 3, 1), (1, [4, 4, 4], 256, 256, 3, 1), (1, [3, 4, 5], 320, 320, 3, 1), (2, [9, 8, 7], 33, 17, 3, 2),
    (1, [16, 16, 16], 16, 2, 1, 1), (1, [7, 7, 5], 96, 32, 1, 1), (2, [6, 7, 5], 7, 9, 1, 1), (1, [8, 8, 8], 128, 64, 1, 2),
    (1, [24, 24, 24], 32, 16, 3, 1), (1, [10, 10, 10], 4, 24, 5, 1), (1, [4, 4, 4], 768, 300, 1, 1),
    (1, [12, 10, 8], 40, 56, 3, 1),
  ]
  return shapes.map { one in
    let cube = [Int](repeating: one.kernel, count: 3)
    let shape = ConvolutionShape(
      batch: one.batch, input: one.input, inputChannels: one.inputs, outputChannels: one.outputs, kernel: cube,
      stride: cube.map { _ in one.stride }, padding: cube.map { $0 / 2 }, bias: true)
    let x = noise(one.batch * one.input.reduce(1, *) * one.inputs, 1), bias = noise(one.outputs, 4)
    let weights = noise(one.inputs * one.outputs * cube.reduce(1, *), 2)
    let dy = noise(one.batch * shape.output.reduce(1, *) * one.outputs, 3)
    return KernelOfShape(name: "convolution \(one)") {
      var y = empty(dy.count)
      convolutionForward(shape, x: x, weights: weights, bias: bias, y: &y)
      guard one.stride == 1 else { return [("forward", y)] }
      var dx = empty(x.count)
      convolutionBackwardData(shape, dy: dy, weights: weights, dx: &dx)
      return [("forward", y), ("data gradient", dx)]
    }
  }
}
