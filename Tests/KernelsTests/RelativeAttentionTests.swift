// The attention kernel against its formula, pair by pair in Double (see Sources/Kernels/RelativeAttention.swift), whole grids and
// padded windows.

import Kernels
import Testing

@Suite struct RelativeAttentionTests {
  @Test(arguments: [(grid: 4, window: 7), (grid: 3, window: 3), (grid: 2, window: 14)])
  func theKernelEqualsTheFormula(grid: Int, window: Int) {
    let shape = RelativeAttentionShape(batch: 2, heads: 2, headSize: 8, grid: grid, window: window)
    let tokens = grid * grid * grid, qkv = numbers(2 * tokens * 48, 1), padding = numbers(48, 2)
    let tables = (3...5).map { numbers((2 * window - 1) * 8, UInt64($0)) }
    var y = [Float](repeating: .nan, count: 2 * tokens * 16)
    Array(tables.joined()).withUnsafeBufferPointer { all in
      let axes = (0..<3).map { all.baseAddress! + $0 * tables[0].count }
      relativeAttention(
        shape, qkv: qkv, positions: RelativePositions(depth: axes[0], height: axes[1], width: axes[2]),
        padding: window > grid ? padding : nil, into: &y)
    }
    let formula = Formula(shape: shape, qkv: qkv, tables: tables, padding: padding)
    var worst = 0.0
    for sample in 0..<2 {
      for head in 0..<2 {
        for token in 0..<tokens {
          let query = [token / (grid * grid), token / grid % grid, token % grid]
          for (s, expected) in formula.result(sample, head, query).enumerated() {
            worst = max(worst, abs(Double(y[(sample * tokens + token) * 16 + head * 8 + s]) - expected))
          }
        }
      }
    }
    #expect(worst < 2e-6)
  }
}

/// Gaussian-like numbers.
private func numbers(_ count: Int, _ key: UInt64) -> [Float] {
  var state = key &* 0x9E37_79B9_7F4A_7C15
  return (0..<count).map { _ in
    (0..<3).reduce(Float(-3)) { sum, _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return sum + Float(state >> 40) / Float(1 << 23)
    }
  }
}

private struct Formula {
  let shape: RelativeAttentionShape
  let qkv: [Float]
  let tables: [[Float]]
  let padding: [Float]

  func vector(_ part: Int, _ sample: Int, _ head: Int, _ place: [Int]) -> [Double] {
    let g = shape.grid, column = part * 16 + head * 8
    guard place.allSatisfy({ $0 < g }) else { return padding[column..<column + 8].map { Double($0) } }
    let start = (((sample * g + place[0]) * g + place[1]) * g + place[2]) * 48 + column
    return qkv[start..<start + 8].map { Double($0) }
  }

  func result(_ sample: Int, _ head: Int, _ query: [Int]) -> [Double] {
    let n = shape.window, (a, b) = (query[0], query[1])
    func q(_ place: [Int]) -> [Double] { vector(0, sample, head, place) }
    func term(_ axis: Int, _ q: [Double], _ distance: Int) -> Double {
      dot(q, tables[axis][((distance + n - 1) * 8)..<((distance + n) * 8)].map { Double($0) })
    }
    var sum = 0.0, values = [Double](repeating: 0, count: 8)
    for key in 0..<n * n * n {
      let (i, j, l) = (key / (n * n), key / n % n, key % n)
      let relative = term(0, q(query), a - l) + term(1, q([a, b, i]), b - l) + term(2, q([a, b, j]), j - l)
      let weight = exponential(dot(q(query), vector(1, sample, head, [i, j, l])) / 8.0.squareRoot() + relative)
      sum += weight
      values = zip(values, vector(2, sample, head, [i, j, l])).map { $0 + weight * $1 }
    }
    return values.map { $0 / sum }
  }

  func dot(_ x: [Double], _ y: [Double]) -> Double { zip(x, y).reduce(0) { $0 + $1.0 * $1.1 } }
}
