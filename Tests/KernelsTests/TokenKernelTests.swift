// Kernels of transformers against plain sums in Double, and the same bits on any number of threads.

import Foundation
import Kernels
import Testing

@Suite(.serialized) struct TokenKernelTests {
  /// The largest difference between `found` and `expected(index)`.
  func worst(_ found: [Float], _ expected: (Int) -> Double) -> Double {
    found.indices.map { abs(Double(found[$0]) - expected($0)) }.max()!
  }

  @Test(arguments: [(3, 5, 7), (7, 300, 130), (12, 40, 3000), (300, 270, 33), (1, 1, 1)], [false, true])
  func matrixProductEqualsTheDirectSum(size: (m: Int, n: Int, k: Int), hasBias: Bool) {
    let (m, n, k) = size
    let a = noise(m * k, 1), b = noise(k * n, 2), bias = noise(n, 3), tolerance = 1e-5 * Double(k).squareRoot()
    func check(_ form: ProductForm, _ first: (Int, Int) -> Int, _ second: (Int, Int) -> Int) -> Double {
      var c = [Float](repeating: .nan, count: m * n)
      bias.withUnsafeBufferPointer { bias in
        matrixProduct(form, a, b, bias: hasBias ? bias.baseAddress : nil, into: &c, m: m, n: n, k: k)
      }
      return worst(c) { place in
        (0..<k).reduce(hasBias ? Double(bias[place % n]) : 0) {
          $0 + Double(a[first(place / n, $1)]) * Double(b[second($1, place % n)])
        }
      }
    }
    #expect(check(.plain, { $0 * k + $1 }, { $0 * n + $1 }) < tolerance)
    #expect(check(.firstTransposed, { $1 * m + $0 }, { $0 * n + $1 }) < tolerance)
    #expect(check(.secondTransposed, { $0 * k + $1 }, { $1 * k + $0 }) < tolerance)
  }

  /// 150 queries are three blocks, of which the last is short; 37 keys are no multiple of a vector.
  @Test func attentionEqualsTheDirectSum() {
    let shape = AttentionShape(batch: 2, queries: 150, keys: 37, channels: 12, heads: 3), width = 4
    let q = noise(2 * 150 * 12, 1).map { 3 * $0 }, k = noise(2 * 37 * 12, 2).map { 3 * $0 }, v = noise(2 * 37 * 12, 3)
    var y = [Float](repeating: .nan, count: q.count)
    attentionForward(shape, q: q, k: k, v: v, into: &y)
    let difference = worst(y) { place in
      let (sample, query, channel) = (place / 1800, place / 12, place % 12), first = channel / width * width
      let weights = (0..<37).map { key in
        let score = (first..<first + width).reduce(0.0) {
          $0 + Double(q[query * 12 + $1]) * Double(k[(sample * 37 + key) * 12 + $1])
        }
        return exp(score / 2)
      }
      return (0..<37).reduce(0.0) { $0 + weights[$1] * Double(v[(sample * 37 + $1) * 12 + channel]) } / weights.reduce(0, +)
    }
    #expect(difference < 1e-6)
  }

  @Test func attentionSurvivesLargeScores() {
    let shape = AttentionShape(batch: 1, queries: 1, keys: 3, channels: 1, heads: 1)
    var y: [Float] = [.nan]
    attentionForward(shape, q: [100], k: [90, -90, 89], v: [2, 5, 7], into: &y)
    #expect(y == [2])
  }

  @Test(arguments: [4, 96, 773]) func layerNormalizationEqualsTheDirectSum(channels: Int) {
    let rows = 5, x = noise(rows * channels, 4).map { 50 + $0 }, gain = noise(channels, 5), bias = noise(channels, 6)
    var y = [Float](repeating: .nan, count: x.count)
    layerNormalization(x, gain: gain, bias: bias, epsilon: 1e-6, into: &y, rows: rows, channels: channels)
    let difference = worst(y) { place in
      let row = x[(place / channels * channels)..<(place / channels + 1) * channels].map(Double.init)
      let mean = row.reduce(0, +) / Double(channels)
      let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(channels), c = place % channels
      return Double(gain[c]) * (row[c] - mean) / (variance + 1e-6).squareRoot() + Double(bias[c])
    }
    #expect(difference < 1e-4)  // a mean of 50 leaves five digits of a float
  }

  @Test func activationsAreExact() {
    let x = (-1300...1300).map { Float($0) / 100 } + [-100, 100, 1e30]
    var y = [Float](repeating: .nan, count: x.count), p = y
    gelu(x, into: &y, count: x.count)
    sigmoid(x, into: &p, count: x.count)
    for i in x.indices {
      let exact = Double(x[i]) * 0.5 * erfc(-Double(x[i]) / 2.0.squareRoot())
      #expect(abs(Double(y[i]) - exact) <= 4e-6 * abs(exact) + 1e-30, "GELU of \(x[i])")
      #expect(abs(Double(p[i]) - 1 / (1 + exp(-Double(x[i])))) < 2e-7, "sigmoid of \(x[i])")
    }
  }

  @Test func tokenKernelsHaveTheSameBitsOnAnyNumberOfThreads() {
    let before = Threads.count
    defer { Threads.set(before) }
    let shape = AttentionShape(batch: 1, queries: 300, keys: 90, channels: 48, heads: 3)
    let x = noise(300 * 48, 1), k = noise(90 * 48, 2), v = noise(90 * 48, 3), dy = noise(300 * 48, 4), w = noise(600 * 48, 5)
    let results = [1, 2, 3].map { threads in
      Threads.set(threads)
      var y = [Float](repeating: .nan, count: 300 * 600), z = x, dq = x, dk = k, dv = v, dx = dy
      matrixProduct(.secondTransposed, x, w, into: &y, m: 300, n: 600, k: 48)
      attentionForward(shape, q: x, k: k, v: v, into: &z)
      attentionBackward(shape, q: x, k: k, v: v, dy: dy, dq: &dq, dk: &dk, dv: &dv)
      let found = layerNormalizationGradient(&dx, x: x, gain: w, epsilon: 1e-5, rows: 300, channels: 48)
      return [y, z, dq, dk, dv, dx, found.gain.map { Float($0) }, found.bias.map { Float($0) }]
    }
    let areSame = results.allSatisfy { $0 == results[0] }
    #expect(areSame)
  }
}
