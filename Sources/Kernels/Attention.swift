// Scaled dot-product attention: y = softmax(q · kᵀ / √(E/heads)) · v, for each head on its own channels. A block of queries at a time, so
// that the scores of all queries never exist at once; the way back computes the scores again.

import CKernels

/// B sequences of N queries and M keys with values, E channels, of which head h owns h·E/heads..<(h+1)·E/heads.
public struct AttentionShape: Sendable {
  public let batch, queries, keys, channels, heads: Int
  /// Queries whose scores are made together.
  private static let blockRows = 64

  public init(batch: Int, queries: Int, keys: Int, channels: Int, heads: Int) {
    (self.batch, self.queries, self.keys, self.channels, self.heads) = (batch, queries, keys, channels, heads)
  }

  /// Floating-point operations of the forward pass (a multiply and an add count two).
  public var operations: Double { 4 * Double(batch * queries) * Double(keys * channels) }

  var width: Int { channels / heads }
  var scale: Float { 1 / Float(width).squareRoot() }
  var blocks: Int { (queries + Self.blockRows - 1) / Self.blockRows }
  func rows(of block: Int) -> Range<Int> { block * Self.blockRows..<min(queries, (block + 1) * Self.blockRows) }
  /// Floats for the scores of one block.
  var scores: Int { min(queries, Self.blockRows) * keys }
  /// The offset of a head's channels in a tensor of `length` tokens, at token `first`.
  func offset(_ sample: Int, _ head: Int, length: Int, first: Int = 0) -> Int {
    (sample * length + first) * channels + head * width
  }
}

/// Overwrites y [B, N, E]; q [B, N, E], k and v [B, M, E].
public func attentionForward(
  _ shape: AttentionShape, q: UnsafePointer<Float>, k: UnsafePointer<Float>, v: UnsafePointer<Float>,
  into y: UnsafeMutablePointer<Float>
) {
  let (keys, width, row) = (shape.keys, shape.width, shape.channels)
  forEachBlock(shape.batch * shape.heads * shape.blocks) { task in
    let (pair, rows) = (task / shape.blocks, shape.rows(of: task % shape.blocks))
    let (sample, head) = (pair / shape.heads, pair % shape.heads)
    let at = shape.offset(sample, head, length: shape.queries, first: rows.lowerBound)
    let atHead = shape.offset(sample, head, length: keys)
    withScratch(shape.scores) { p in
      probabilities(shape, q: q + at, k: k + atHead, rows: rows.count, into: p)
      product(.plain, p, v + atHead, into: y + at, rows.count, width, keys, strides: (keys, row, row))
    }
  }
}

/// Overwrites dq [B, N, E], dk and dv [B, M, E].
public func attentionBackward(
  _ shape: AttentionShape, q: UnsafePointer<Float>, k: UnsafePointer<Float>, v: UnsafePointer<Float>, dy: UnsafePointer<Float>,
  dq: UnsafeMutablePointer<Float>, dk: UnsafeMutablePointer<Float>, dv: UnsafeMutablePointer<Float>
) {
  let (keys, width, row) = (shape.keys, shape.width, shape.channels)
  // A head's blocks add to the same dk and dv, so they stay together, in order.
  forEachBlock(shape.batch * shape.heads) { pair in
    let (sample, head) = (pair / shape.heads, pair % shape.heads)
    let atHead = shape.offset(sample, head, length: keys)
    withScratch(2 * shape.scores) { p in
      let dp = p + shape.scores
      for block in 0..<shape.blocks {
        let rows = shape.rows(of: block), n = rows.count
        let at = shape.offset(sample, head, length: shape.queries, first: rows.lowerBound)
        probabilities(shape, q: q + at, k: k + atHead, rows: n, into: p)
        product(.firstTransposed, p, dy + at, into: dv + atHead, keys, width, n, strides: (keys, row, row), adding: block > 0)
        product(.secondTransposed, dy + at, v + atHead, into: dp, n, keys, width, strides: (row, row, keys))
        cohort_softmax_rows_gradient(dp, p, shape.scale, n, keys)
        product(.plain, dp, k + atHead, into: dq + at, n, width, keys, strides: (keys, row, row))
        product(.firstTransposed, dp, q + at, into: dk + atHead, keys, width, n, strides: (keys, row, row), adding: block > 0)
      }
    }
  }
}

/// p [rows, M]: how much each of a few queries of one head takes of each value.
private func probabilities(
  _ shape: AttentionShape, q: UnsafePointer<Float>, k: UnsafePointer<Float>, rows: Int, into p: UnsafeMutablePointer<Float>
) {
  let strides = (shape.channels, shape.channels, shape.keys)
  product(.secondTransposed, q, k, into: p, rows, shape.keys, shape.width, strides: strides, scale: shape.scale)
  cohort_softmax_rows(p, rows, shape.keys)
}

/// Runs `body` with room for that many floats, contents undefined.
func withScratch(_ count: Int, _ body: (UnsafeMutablePointer<Float>) -> Void) {
  let scratch = UnsafeMutablePointer<Float>.allocate(capacity: count)
  defer { scratch.deallocate() }
  body(scratch)
}
