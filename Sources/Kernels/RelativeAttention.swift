// Attention over a cube of tokens with the relative positions of SAM-Med3D (shared/spec/relif.md 1.3): for a query at (a, b, c) and a key at
// (i, j, l), logit = q[a,b,c]·k[i,j,l] / √S + q[a,b,c]·Rd[a-l] + q[a,b,i]·Rh[b-l] + q[a,b,j]·Rw[j-l].
// One plane of queries (all with one a) of one head at a time, so that a core holds its logits in cache. The relative terms come from three
// small tables of products for each plane. Pad tokens behind the grid all have one key and one value: they are one more key whose logit
// has their sum in it.
// Axes: B batch, g³ tokens of the grid, H heads, S size of a head, E = H·S; rows of q, k and v are the three thirds of [.., 3E].

import CKernels
import COpenBLAS

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
    let a = block % shape.grid, head = HeadOfAttention(shape, block / shape.grid, qkv, positions, padding)
    withFloats(shape.plane * (shape.tokens + 3 * shape.distances)) { rows in
      let tables = rows + shape.plane * shape.tokens
      head.computeTables(a, into: tables)
      withFloats(shape.plane) { pad in
        head.computeProbabilities(a, tables: tables, pad: padding == nil ? nil : pad, into: rows)
        head.computeValues(a, rows, pad: pad, into: y + head.outputOffset)
      }
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
  withFloats(heads * 3 * size) { sums in
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
  /// Of the head's first token, in qkv and in y.
  let inputOffset: Int, outputOffset: Int
  let queries: UnsafePointer<Float>, keys: UnsafePointer<Float>, values: UnsafePointer<Float>
  let scale: Float
  /// Floats from a token's row to the next, in qkv and in y.
  let stride: Int, outputStride: Int

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
    scale = 1 / Float(shape.headSize).squareRoot()
  }

  func planeQueries(_ a: Int) -> Matrix { Matrix(queries + a * shape.plane * stride, stride: stride) }
  func distanceVectors(_ axis: Int) -> Matrix { Matrix(positions[axis], stride: shape.headSize) }
  var keyMatrix: Matrix { Matrix(keys, stride: stride) }
  var valueMatrix: Matrix { Matrix(values, stride: stride) }

  /// Products of a plane's queries with the vectors of all distances: three tables [g², 2n-1].
  func computeTables(_ a: Int, into tables: UnsafeMutablePointer<Float>) {
    for axis in 0..<3 {
      multiply(
        planeQueries(a), distanceVectors(axis).transposed, into: table(tables, axis), stride: shape.distances, shape.plane,
        shape.distances, shape.headSize)
    }
  }

  /// The table of an axis, from query (a, b, 0) on.
  func table(_ tables: UnsafeMutablePointer<Float>, _ axis: Int, _ b: Int = 0) -> UnsafeMutablePointer<Float> {
    tables + (axis * shape.plane + b * shape.grid) * shape.distances
  }

  /// Rows [g², g³] of a plane's queries, and the probability of all pad tokens together for each query.
  func computeProbabilities(
    _ a: Int, tables: UnsafeMutablePointer<Float>, pad: UnsafeMutablePointer<Float>?, into rows: UnsafeMutablePointer<Float>
  ) {
    let (grid, tokens) = (shape.grid, shape.tokens)
    multiply(planeQueries(a), keyMatrix.transposed, into: rows, stride: tokens, shape.plane, tokens, shape.headSize)
    pad.map { computePadLogits(a, tables, into: $0) }
    withFloats(tokens + shape.plane) { shared in
      let own = shared + tokens
      for b in 0..<grid {
        cohort_relative_terms(
          shared, own, table(tables, 0, b), table(tables, 1, b), table(tables, 2, b), a, b, grid, shape.window)
        cohort_relative_softmax(rows + b * grid * tokens, pad.map { $0 + b * grid }, shared, own, scale, grid)
      }
    }
  }

  private func computePadLogits(_ a: Int, _ tables: UnsafeMutablePointer<Float>, into pad: UnsafeMutablePointer<Float>) {
    let padQuery = Matrix(padding!, stride: shape.headSize)
    let padKey = Matrix(padding! + shape.embedding, stride: shape.headSize), distances = shape.distances
    multiply(planeQueries(a), padKey.transposed, into: pad, stride: 1, shape.plane, 1, shape.headSize)
    withFloats(2 * distances) { height in
      let width = height + distances
      for (axis, own) in [(1, height), (2, width)] {
        multiply(padQuery, distanceVectors(axis).transposed, into: own, stride: distances, 1, distances, shape.headSize)
      }
      for b in 0..<shape.grid {
        cohort_fold_padding(
          pad + b * shape.grid, table(tables, 0, b), table(tables, 1, b), table(tables, 2, b), height, width, scale, a, b,
          shape.grid, shape.window)
      }
    }
  }

  /// Means of the values by the probabilities of a plane's queries.
  func computeValues(
    _ a: Int, _ rows: UnsafeMutablePointer<Float>, pad: UnsafeMutablePointer<Float>, into y: UnsafeMutablePointer<Float>
  ) {
    let y = y + a * shape.plane * outputStride
    if let padding {
      let padValue = Matrix(padding + 2 * shape.embedding, stride: shape.headSize)
      multiply(Matrix(pad, stride: 1), padValue, into: y, stride: outputStride, shape.plane, shape.headSize, 1)
    }
    multiply(
      Matrix(rows, stride: shape.tokens), valueMatrix, into: y, stride: outputStride, shape.plane, shape.headSize, shape.tokens,
      adding: padding != nil)
  }
}

extension HeadOfAttention {
  /// Overwrites the head's columns of dqkv and adds to dpositions [3, 2n-1, S].
  func addGradients(dy: UnsafePointer<Float>, dqkv: UnsafeMutablePointer<Float>, dpositions: UnsafeMutablePointer<Float>) {
    let (plane, tokens, distances) = (shape.plane, shape.tokens, shape.distances)
    withFloats(2 * plane * (tokens + 3 * distances)) { rows in
      let differences = rows + plane * tokens, tables = differences + plane * tokens, dtables = tables + 3 * plane * distances
      for a in 0..<shape.grid {
        computeTables(a, into: tables)
        computeProbabilities(a, tables: tables, pad: nil, into: rows)
        let dy = Matrix(dy + a * plane * outputStride, stride: outputStride)
        multiply(
          Matrix(rows, stride: tokens).transposed, dy, into: dqkv + 2 * shape.embedding, stride: stride, tokens, shape.headSize,
          plane, adding: a > 0)
        multiply(dy, valueMatrix.transposed, into: differences, stride: tokens, plane, tokens, shape.headSize)
        cohort_softmax_gradient(differences, rows, differences, plane, tokens)
        addGradientsOfLogits(a, differences, dtables: dtables, dqkv: dqkv, dpositions: dpositions)
      }
    }
  }

  private func addGradientsOfLogits(
    _ a: Int, _ rows: UnsafeMutablePointer<Float>, dtables: UnsafeMutablePointer<Float>, dqkv: UnsafeMutablePointer<Float>,
    dpositions: UnsafeMutablePointer<Float>
  ) {
    let (grid, plane, tokens, size, distances) = (shape.grid, shape.plane, shape.tokens, shape.headSize, shape.distances)
    let dqueries = dqkv + a * plane * stride, dkeys = dqkv + shape.embedding, drows = Matrix(rows, stride: tokens)
    multiply(drows, keyMatrix, into: dqueries, stride: stride, plane, size, tokens, scale: scale)
    multiply(
      drows.transposed, planeQueries(a), into: dkeys, stride: stride, tokens, size, plane, scale: scale, adding: a > 0)
    dtables.update(repeating: 0, count: 3 * plane * distances)
    for b in 0..<grid {
      cohort_relative_terms_gradient(
        table(dtables, 0, b), table(dtables, 1, b), table(dtables, 2, b), rows + b * grid * tokens, a, b, grid, shape.window)
    }
    for axis in 0..<3 {
      let dtable = Matrix(table(dtables, axis), stride: distances)
      multiply(dtable, distanceVectors(axis), into: dqueries, stride: stride, plane, size, distances, adding: true)
      multiply(
        dtable.transposed, planeQueries(a), into: dpositions + axis * distances * size, stride: size, distances, size, plane,
        adding: true)
    }
  }
}

/// Runs `body` with room for that many floats, contents undefined.
private func withFloats(_ count: Int, _ body: (UnsafeMutablePointer<Float>) -> Void) {
  let memory = UnsafeMutablePointer<Float>.allocate(capacity: count)
  defer { memory.deallocate() }
  body(memory)
}

/// A matrix in memory: `stride` floats from a row to the next.
private struct Matrix {
  let first: UnsafePointer<Float>
  let stride: Int
  private(set) var isTransposed = false

  init(_ first: UnsafePointer<Float>, stride: Int) { (self.first, self.stride) = (first, stride) }

  var transposed: Matrix {
    var result = self
    result.isTransposed.toggle()
    return result
  }
}

/// c [m, n] = scale · a · b (+ c), with k summed over; `stride` floats from a row of c to the next.
private func multiply(
  _ a: Matrix, _ b: Matrix, into c: UnsafeMutablePointer<Float>, stride: Int, _ m: Int, _ n: Int, _ k: Int, scale: Float = 1,
  adding: Bool = false
) {
  cblas_sgemm(
    CblasRowMajor, a.isTransposed ? CblasTrans : CblasNoTrans, b.isTransposed ? CblasTrans : CblasNoTrans, Int32(m), Int32(n),
    Int32(k), scale, a.first, Int32(a.stride), b.first, Int32(b.stride), adding ? 1 : 0, c, Int32(stride))
}
