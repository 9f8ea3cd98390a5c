// Attention over a cube of tokens with the relative positions of SAM-Med3D (uni-medical/SAM-Med3D,
// segment_anything/modeling/image_encoder3D.py, `add_decomposed_rel_pos`): for a query at (a, b, c) and a key at (i, j, l),
// logit = q[a,b,c]·k[i,j,l] / √S + q[a,b,c]·Rd[a-l] + q[a,b,i]·Rh[b-l] + q[a,b,j]·Rw[j-l].
// One plane of queries (all with one a) of one head at a time, so that a core holds its logits in cache. The relative terms come
// from three small tables of products for each plane. Pad tokens behind the grid all have one key and one value: they are one
// more key whose logit has their sum in it.
// Axes: B batch, g³ tokens of the grid, H heads, S size of a head, E = H·S; rows of q, k, v are the three thirds of [.., 3E].

import CKernels

/// The numbers that describe the operation.
public struct RelativeAttentionShape: Sendable {
  public var batch: Int
  public var heads: Int
  /// S.
  public var headSize: Int
  /// g: tokens along each axis.
  public var grid: Int
  /// n: the distances of the tables are -(n-1)...n-1; pad tokens fill the axes up to n where it is larger than the grid.
  public var window: Int

  public init(batch: Int, heads: Int, headSize: Int, grid: Int, window: Int) {
    self.batch = batch
    self.heads = heads
    self.headSize = headSize
    self.grid = grid
    self.window = window
  }

  /// Floating-point operations of the products (a multiply and an add count two).
  public var operations: Double { 4 * Double(batch * embedding) * Double(tokens) * Double(tokens) }
  var embedding: Int { heads * headSize }
  var tokens: Int { plane * grid }
  /// Queries in a plane.
  var plane: Int { grid * grid }
  var distances: Int { 2 * window - 1 }
}

/// Vectors of the distances along the three axes, [2n-1, S] each.
public struct RelativePositions<Table> {
  public var depth: Table
  public var height: Table
  public var width: Table

  public init(depth: Table, height: Table, width: Table) { (self.depth, self.height, self.width) = (depth, height, width) }

  public var axes: [Table] { [depth, height, width] }

  public func map<Other>(_ body: (Table) -> Other) -> RelativePositions<Other> {
    RelativePositions<Other>(depth: body(depth), height: body(height), width: body(width))
  }
}

/// y [B, g³, E] from qkv [B, g³, 3E]. Overwrites y.
/// - Parameter padding: the row [3E] of a pad token; nil where the window is the grid.
public func relativeAttention(
  _ shape: RelativeAttentionShape, qkv: UnsafePointer<Float>, positions: RelativePositions<UnsafePointer<Float>>,
  padding: UnsafePointer<Float>?, into y: UnsafeMutablePointer<Float>
) {
  forEachBlock(shape.batch * shape.heads * shape.grid) { block in
    let plane = block % shape.grid, head = HeadOfAttention(shape, block / shape.grid, qkv, positions, padding)
    withScratch(shape.plane * (head.width + 3 * shape.distances)) { rows in
      head.computeProbabilities(plane, tables: rows + shape.plane * head.width, into: rows)
      head.computeValues(plane, rows, into: y + head.outputOffset)
    }
  }
}

/// The gradients of `relativeAttention` without padding. Overwrites dqkv [B, g³, 3E] and the three dpositions [2n-1, S].
/// A head is one thread's; what heads share is added in their order.
public func relativeAttentionGradient(
  _ shape: RelativeAttentionShape, qkv: UnsafePointer<Float>, positions: RelativePositions<UnsafePointer<Float>>,
  dy: UnsafePointer<Float>, dqkv: UnsafeMutablePointer<Float>, dpositions: RelativePositions<UnsafeMutablePointer<Float>>
) {
  let size = shape.distances * shape.headSize, heads = shape.batch * shape.heads
  withScratch(heads * 3 * size) { sums in
    forEachBlock(heads) { block in
      let head = HeadOfAttention(shape, block, qkv, positions, nil)
      let sums = sums + block * 3 * size
      sums.update(repeating: 0, count: 3 * size)
      head.addGradients(dy: dy + head.outputOffset, dqkv: dqkv + head.inputOffset, dpositions: sums)
    }
    for (axis, gradient) in dpositions.axes.enumerated() {
      copyFloats(sums + axis * size, into: gradient, count: size)
      for block in 1..<heads { add(sums + (block * 3 + axis) * size, to: gradient, count: size) }
    }
  }
}

/// One head of one sample.
private struct HeadOfAttention {
  let shape: RelativeAttentionShape
  let positions: [UnsafePointer<Float>]
  let padding: UnsafePointer<Float>?
  /// The place of the head's first token, in qkv and in y.
  let inputOffset: Int, outputOffset: Int
  let queries: UnsafePointer<Float>, keys: UnsafePointer<Float>, values: UnsafePointer<Float>
  /// Floats from a token's row to the next, in qkv and in y.
  let stride: Int, outputStride: Int
  /// Logits of a query: one for each token, and one for all pad tokens together.
  let width: Int
  let scale: Float

  init(
    _ shape: RelativeAttentionShape, _ number: Int, _ qkv: UnsafePointer<Float>,
    _ positions: RelativePositions<UnsafePointer<Float>>, _ padding: UnsafePointer<Float>?
  ) {
    self.shape = shape
    self.positions = positions.axes
    let column = number % shape.heads * shape.headSize, token = number / shape.heads * shape.tokens
    (outputStride, stride) = (shape.embedding, 3 * shape.embedding)
    outputOffset = token * outputStride + column
    inputOffset = token * stride + column
    self.padding = padding.map { $0 + column }
    queries = qkv + inputOffset
    keys = queries + shape.embedding
    values = keys + shape.embedding
    width = shape.tokens + (padding == nil ? 0 : 1)
    scale = 1 / Float(shape.headSize).squareRoot()
  }

  /// Rows [g², width] of the queries of plane a. Overwrites the three tables [g², 2n-1] of products of these queries with the
  /// vectors of all distances.
  func computeProbabilities(_ a: Int, tables: UnsafeMutablePointer<Float>, into rows: UnsafeMutablePointer<Float>) {
    let (plane, size, distances) = (shape.plane, shape.headSize, shape.distances), queries = queries + a * plane * stride
    for axis in 0..<3 {
      product(
        .secondTransposed, queries, positions[axis], into: table(tables, axis), plane, distances, size,
        strides: (stride, size, distances))
    }
    product(
      .secondTransposed, queries, keys, into: rows, plane, shape.tokens, size, strides: (stride, stride, width), scale: scale)
    for b in 0..<shape.grid {
      cohort_add_relative_terms(
        rows + b * shape.grid * width, width, table(tables, 0, b), table(tables, 1, b), table(tables, 2, b), a, b, shape.grid,
        shape.window)
    }
    if let padding { computePadLogits(a, padding, tables, into: rows + shape.tokens) }
    cohort_softmax_rows(rows, plane, width)
  }

  /// The table of an axis, from query (a, b, 0) on.
  func table(_ tables: UnsafeMutablePointer<Float>, _ axis: Int, _ b: Int = 0) -> UnsafeMutablePointer<Float> {
    tables + (axis * shape.plane + b * shape.grid) * shape.distances
  }

  /// The last column of a plane's rows: `pad` is its first element.
  private func computePadLogits(
    _ a: Int, _ padding: UnsafePointer<Float>, _ tables: UnsafeMutablePointer<Float>, into pad: UnsafeMutablePointer<Float>
  ) {
    let (size, distances) = (shape.headSize, shape.distances)
    product(
      .secondTransposed, queries + a * shape.plane * stride, padding + shape.embedding, into: pad, shape.plane, 1, size,
      strides: (stride, size, width), scale: scale)
    withScratch(2 * distances) { height in
      let breadth = height + distances
      product(.secondTransposed, padding, positions[1], into: height, 1, distances, size)
      product(.secondTransposed, padding, positions[2], into: breadth, 1, distances, size)
      for b in 0..<shape.grid {
        cohort_fold_padding(
          pad + b * shape.grid * width, width, table(tables, 0, b), table(tables, 1, b), table(tables, 2, b), height, breadth, a,
          b, shape.grid, shape.window)
      }
    }
  }

  /// Computes the means of the values by the probabilities of a plane's queries.
  func computeValues(_ a: Int, _ rows: UnsafeMutablePointer<Float>, into y: UnsafeMutablePointer<Float>) {
    let (plane, tokens, size) = (shape.plane, shape.tokens, shape.headSize), y = y + a * plane * outputStride
    if let padding {
      product(
        .plain, rows + tokens, padding + 2 * shape.embedding, into: y, plane, size, 1, strides: (width, size, outputStride))
    }
    product(
      .plain, rows, values, into: y, plane, size, tokens, strides: (width, stride, outputStride), adding: padding != nil)
  }
}

extension HeadOfAttention {
  /// Overwrites the head's columns of dqkv and adds to dpositions [3, 2n-1, S].
  func addGradients(dy: UnsafePointer<Float>, dqkv: UnsafeMutablePointer<Float>, dpositions: UnsafeMutablePointer<Float>) {
    let (plane, tokens, size) = (shape.plane, shape.tokens, shape.headSize), rowCount = plane * tokens
    let dvalues = dqkv + 2 * shape.embedding
    withScratch(2 * rowCount + 6 * plane * shape.distances) { rows in
      let drows = rows + rowCount, tables = drows + rowCount, dtables = tables + 3 * plane * shape.distances
      for a in 0..<shape.grid {
        computeProbabilities(a, tables: tables, into: rows)
        let dy = dy + a * plane * outputStride
        product(
          .firstTransposed, rows, dy, into: dvalues, tokens, size, plane, strides: (tokens, outputStride, stride), adding: a > 0)
        product(.secondTransposed, dy, values, into: drows, plane, tokens, size, strides: (outputStride, stride, tokens))
        cohort_softmax_rows_gradient(drows, rows, 1, plane, tokens)
        addGradientsOfLogits(a, drows, dtables: dtables, dqkv: dqkv, dpositions: dpositions)
      }
    }
  }

  private func addGradientsOfLogits(
    _ a: Int, _ drows: UnsafeMutablePointer<Float>, dtables: UnsafeMutablePointer<Float>, dqkv: UnsafeMutablePointer<Float>,
    dpositions: UnsafeMutablePointer<Float>
  ) {
    let (grid, plane, tokens, size, distances) = (shape.grid, shape.plane, shape.tokens, shape.headSize, shape.distances)
    let queries = queries + a * plane * stride, dqueries = dqkv + a * plane * stride, dkeys = dqkv + shape.embedding
    product(.plain, drows, keys, into: dqueries, plane, size, tokens, strides: (tokens, stride, stride), scale: scale)
    product(
      .firstTransposed, drows, queries, into: dkeys, tokens, size, plane, strides: (tokens, stride, stride), scale: scale,
      adding: a > 0)
    dtables.update(repeating: 0, count: 3 * plane * distances)
    for b in 0..<grid {
      cohort_relative_terms_gradient(
        table(dtables, 0, b), table(dtables, 1, b), table(dtables, 2, b), drows + b * grid * tokens, a, b, grid, shape.window)
    }
    for axis in 0..<3 {
      let dtable = table(dtables, axis)
      product(
        .plain, dtable, positions[axis], into: dqueries, plane, size, distances, strides: (distances, size, stride), adding: true)
      product(
        .firstTransposed, dtable, queries, into: dpositions + axis * distances * size, distances, size, plane,
        strides: (distances, stride, size), adding: true)
    }
  }
}
