// One window of one head of attention over a plane: its tokens gathered into rows, and what is computed from them, a few lines of queries at a time.
// Axes: m tokens of the plane in the window, n² tokens of the window with its pads, S size of a head, E channels of all heads.

import CKernels

/// The rows of a window's tokens: queries [m, S], keys and values [n², S].
struct PlaneTokens {
  let queries, keys, values: UnsafeMutablePointer<Float>
}

/// Lines of a window whose queries are computed together.
struct PlaneBlock {
  let first, lines: Int
}

struct PlaneWindow {
  private let shape: PlaneAttentionShape
  /// The two tables of distances [2n-1, S], the last distance first.
  private let rows, columns: UnsafePointer<Float>
  private let sample, head, top, left: Int
  /// Lines and places of the window that are no pads.
  private let height, width: Int
  private let linesTogether: Int
  private let scale: Float

  init(_ shape: PlaneAttentionShape, _ task: Int, _ rows: UnsafePointer<Float>, _ columns: UnsafePointer<Float>) {
    (self.shape, self.rows, self.columns) = (shape, rows, columns)
    head = task % shape.heads
    let window = task / shape.heads
    left = window % shape.windows * shape.window
    top = window / shape.windows % shape.windows * shape.window
    sample = window / (shape.windows * shape.windows)
    (height, width) = (min(shape.window, shape.grid - top), min(shape.window, shape.grid - left))
    linesTogether = shape.linesTogether(width: width)
    scale = 1 / Float(shape.headSize).squareRoot()
  }

  /// m.
  private var tokens: Int { height * width }
  private var size: Int { shape.headSize }
  /// Queries of a block.
  private var together: Int { linesTogether * width }
  /// Floats for the gathered tokens, and for so many sets of what a block computes: logits, two tables of products, and answers.
  func floats(ofBlocks sets: Int) -> Int {
    (tokens + 2 * shape.keys) * size + sets * (together * (shape.keys + 2 * shape.distances + size))
  }
  /// Floats for the gradients of the tokens.
  var gradientFloats: Int { (tokens + 2 * shape.keys) * size }

  func forEachBlock(_ body: (PlaneBlock) -> Void) {
    for first in stride(from: 0, to: height, by: linesTogether) {
      body(PlaneBlock(first: first, lines: min(linesTogether, height - first)))
    }
  }

  /// The first channel of the head at a token of the plane, in rows of `channels`.
  private func place(_ line: Int, _ column: Int, channels: Int) -> Int {
    ((sample * shape.grid + top + line) * shape.grid + left + column) * channels + head * size
  }

  private func forEachToken(_ body: (_ line: Int, _ column: Int) -> Void) {
    for line in 0..<height { for column in 0..<width { body(line, column) } }
  }

  /// Gathers the window's tokens into `memory`, which then begins behind them.
  func gathered(
    _ qkv: UnsafePointer<Float>, _ padding: UnsafePointer<Float>, in memory: inout UnsafeMutablePointer<Float>
  ) -> PlaneTokens {
    let (n, e) = (shape.window, shape.embedding), queries = memory, keys = queries + tokens * size
    let values = keys + shape.keys * size
    forEachToken { line, column in
      let from = qkv + place(line, column, channels: 3 * e), to = line * n + column
      (queries + (line * width + column) * size).update(from: from, count: size)
      (keys + to * size).update(from: from + e, count: size)
      (values + to * size).update(from: from + 2 * e, count: size)
    }
    forEachPad { pad in
      (keys + pad * size).update(from: padding + e + head * size, count: size)
      (values + pad * size).update(from: padding + 2 * e + head * size, count: size)
    }
    memory = values + shape.keys * size
    return PlaneTokens(queries: queries, keys: keys, values: values)
  }

  private func forEachPad(_ body: (Int) -> Void) {
    for token in 0..<shape.keys where token / shape.window >= height || token % shape.window >= width { body(token) }
  }

  /// The probabilities [queries, n²] of a block, at the beginning of `memory`; two tables of products follow them.
  func probabilities(
    _ block: PlaneBlock, _ tokens: PlaneTokens, in memory: UnsafeMutablePointer<Float>
  ) -> UnsafeMutablePointer<Float> {
    let count = block.lines * width, queries = tokens.queries + block.first * width * size
    let (down, across) = tables(in: memory)
    product(.secondTransposed, queries, tokens.keys, into: memory, count, shape.keys, size, scale: scale)
    product(.secondTransposed, queries, rows, into: down, count, shape.distances, size)
    product(.secondTransposed, queries, columns, into: across, count, shape.distances, size)
    cohort_softmax_plane(memory, down, across, block.first, block.lines, width, shape.window)
    return memory
  }

  /// Where a block's products with the distances lie.
  private func tables(
    in memory: UnsafeMutablePointer<Float>
  ) -> (down: UnsafeMutablePointer<Float>, across: UnsafeMutablePointer<Float>) {
    let down = memory + together * shape.keys
    return (down, down + together * shape.distances)
  }

  /// The means of the values by the probabilities of a block, into the head's channels of y [B, g², E].
  func write(
    _ rows: UnsafeMutablePointer<Float>, _ tokens: PlaneTokens, _ block: PlaneBlock, into y: UnsafeMutablePointer<Float>
  ) {
    for line in 0..<block.lines {
      product(
        .plain, rows + line * width * shape.keys, tokens.values,
        into: y + place(block.first + line, 0, channels: shape.embedding), width, size, shape.keys,
        strides: (shape.keys, size, shape.embedding))
    }
  }
}

extension PlaneWindow {
  /// Overwrites the window's tokens in dqkv, and `shared`: the gradients of both reversed tables and of a pad token's key and value.
  func computeGradients(
    _ qkv: UnsafePointer<Float>, _ padding: UnsafePointer<Float>, dy: UnsafePointer<Float>,
    into dqkv: UnsafeMutablePointer<Float>,
    shared: UnsafeMutablePointer<Float>?, _ memory: UnsafeMutablePointer<Float>
  ) {
    var memory = memory
    let tokens = gathered(qkv, padding, in: &memory)
    let gradients = PlaneTokens(
      queries: memory, keys: memory + self.tokens * size, values: memory + (self.tokens + shape.keys) * size)
    gradients.keys.update(repeating: 0, count: 2 * shape.keys * size)
    shared?.update(repeating: 0, count: 2 * shape.table + 2 * size)
    let probabilities = memory + gradientFloats, logits = probabilities + together * (shape.keys + 2 * shape.distances)
    let answers = logits + together * (shape.keys + 2 * shape.distances)
    forEachBlock { block in
      let rows = self.probabilities(block, tokens, in: probabilities), count = block.lines * width
      gather(dy, block, into: answers)
      product(.firstTransposed, rows, answers, into: gradients.values, shape.keys, size, count, adding: true)
      product(.secondTransposed, answers, tokens.values, into: logits, count, shape.keys, size)
      cohort_softmax_rows_gradient(logits, rows, 1, count, shape.keys)
      addGradients(of: logits, block, tokens, gradients, shared)
    }
    scatter(gradients, into: dqkv)
    if let shared { forEachPad { pad in addPad(pad, gradients, to: shared + 2 * shape.table) } }
  }

  private func gather(_ dy: UnsafePointer<Float>, _ block: PlaneBlock, into rows: UnsafeMutablePointer<Float>) {
    for query in 0..<block.lines * width {
      let from = place(block.first + query / width, query % width, channels: shape.embedding)
      (rows + query * size).update(from: dy + from, count: size)
    }
  }

  /// From the gradients of a block's logits to those of its queries and of all keys.
  private func addGradients(
    of logits: UnsafeMutablePointer<Float>, _ block: PlaneBlock, _ tokens: PlaneTokens, _ gradients: PlaneTokens,
    _ shared: UnsafeMutablePointer<Float>?
  ) {
    let count = block.lines * width, start = block.first * width * size
    let queries = tokens.queries + start, found = gradients.queries + start, (down, across) = tables(in: logits)
    cohort_plane_terms_gradient(down, across, logits, block.first, block.lines, width, shape.window)
    product(.plain, logits, tokens.keys, into: found, count, size, shape.keys, scale: scale)
    product(.plain, down, rows, into: found, count, size, shape.distances, adding: true)
    product(.plain, across, columns, into: found, count, size, shape.distances, adding: true)
    product(.firstTransposed, logits, queries, into: gradients.keys, shape.keys, size, count, scale: scale, adding: true)
    guard let shared else { return }
    product(.firstTransposed, down, queries, into: shared, shape.distances, size, count, adding: true)
    product(.firstTransposed, across, queries, into: shared + shape.table, shape.distances, size, count, adding: true)
  }

  private func scatter(_ gradients: PlaneTokens, into dqkv: UnsafeMutablePointer<Float>) {
    let (n, e) = (shape.window, shape.embedding)
    forEachToken { line, column in
      let to = dqkv + place(line, column, channels: 3 * e), from = (line * n + column) * size
      to.update(from: gradients.queries + (line * width + column) * size, count: size)
      (to + e).update(from: gradients.keys + from, count: size)
      (to + 2 * e).update(from: gradients.values + from, count: size)
    }
  }

  private func addPad(_ pad: Int, _ gradients: PlaneTokens, to sums: UnsafeMutablePointer<Float>) {
    cohort_add(sums, gradients.keys + pad * size, size)
    cohort_add(sums + size, gradients.values + pad * size, size)
  }
}
