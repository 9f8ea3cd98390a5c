// Attention over a plane of tokens with the separable relative positions of SAM (facebookresearch/segment-anything,
// segment_anything/modeling/image_encoder.py): for a query at (r, c) and a key at (i, j) of one window,
// logit = q·k / √S + q·Rh[r - i] + q·Rw[c - j].
// A window of one head is gathered into rows of its own. A few lines of queries at a time: their logits stay in cache, those of all queries never
// exist at once, and the way back computes them again. Pad tokens behind the plane are keys like any other; nobody reads their answers.
// Axes: B batch, g tokens along each side of the plane, n of a window, S size of a head, E channels of all heads; rows of q, k and v are the three
// thirds of [.., 3E].

import CKernels

/// The numbers that describe the operation.
public struct PlaneAttentionShape: Sendable {
  public let batch, heads, headSize, grid, window: Int
  /// Logits that are computed together: they fit into a core's cache.
  private static let logitsTogether = 1 << 18

  /// - Parameters:
  ///   - grid: g.
  ///   - window: n; the plane is cut into windows from its first token on, the last ones are padded.
  public init(batch: Int, heads: Int, headSize: Int, grid: Int, window: Int) {
    (self.batch, self.heads, self.headSize, self.grid, self.window) = (batch, heads, headSize, grid, window)
  }

  /// Floating-point operations of the products (a multiply and an add count two).
  public var operations: Double { 4 * Double(batch * grid * grid) * Double(keys * embedding) }
  public var hasPads: Bool { grid % window != 0 }
  var embedding: Int { heads * headSize }
  /// Keys of a window.
  var keys: Int { window * window }
  var distances: Int { 2 * window - 1 }
  /// Windows along each side.
  var windows: Int { (grid + window - 1) / window }
  /// Windows of all samples and heads: each is computed by one thread.
  var tasks: Int { batch * windows * windows * heads }
  /// Floats of one of the two tables of relative positions.
  var table: Int { distances * headSize }
  func linesTogether(width: Int) -> Int { max(1, min(window, Self.logitsTogether / (width * keys))) }
}

/// What attention reads besides q, k and v.
public struct PlanePositions {
  /// Vectors of the distances down and across, [2n-1, S] each.
  let rows, columns: UnsafePointer<Float>
  /// The row [3E] of a pad token.
  let padding: UnsafePointer<Float>

  public init(rows: UnsafePointer<Float>, columns: UnsafePointer<Float>, padding: UnsafePointer<Float>) {
    (self.rows, self.columns, self.padding) = (rows, columns, padding)
  }
}

/// y [B, g², E] from qkv [B, g², 3E]. Overwrites y.
public func planeAttention(
  _ shape: PlaneAttentionShape, qkv: UnsafePointer<Float>, _ positions: PlanePositions, into y: UnsafeMutablePointer<Float>
) {
  withReversed(positions, shape) { rows, columns in
    forEachBlock(shape.tasks) { task in
      let window = PlaneWindow(shape, task, rows, columns)
      withScratch(window.floats(ofBlocks: 1)) { memory in
        var memory = memory
        let tokens = window.gathered(qkv, positions.padding, in: &memory)
        window.forEachBlock { block in
          let rows = window.probabilities(block, tokens, in: memory)
          window.write(rows, tokens, block, into: y)
        }
      }
    }
  }
}

/// Gradients of `planeAttention` that are wanted besides that by qkv. All are overwritten.
public struct PlanePositionGradients {
  let rows, columns, padding: UnsafeMutablePointer<Float>

  public init(rows: UnsafeMutablePointer<Float>, columns: UnsafeMutablePointer<Float>, padding: UnsafeMutablePointer<Float>) {
    (self.rows, self.columns, self.padding) = (rows, columns, padding)
  }
}

/// The gradients of `planeAttention`. Overwrites dqkv [B, g², 3E]. What windows share is added in their order.
/// - Parameter wanted: nil where positions and pad tokens are not trained.
public func planeAttentionGradient(
  _ shape: PlaneAttentionShape, qkv: UnsafePointer<Float>, _ positions: PlanePositions, dy: UnsafePointer<Float>,
  into dqkv: UnsafeMutablePointer<Float>, _ wanted: PlanePositionGradients?
) {
  let shared = 2 * shape.table + 2 * shape.headSize
  withReversed(positions, shape) { rows, columns in
    withScratch(wanted == nil ? 0 : shape.tasks * shared) { sums in
      forEachBlock(shape.tasks) { task in
        let window = PlaneWindow(shape, task, rows, columns)
        withScratch(window.floats(ofBlocks: 2) + window.gradientFloats) { memory in
          window.computeGradients(
            qkv, positions.padding, dy: dy, into: dqkv, shared: wanted == nil ? nil : sums + task * shared, memory)
        }
      }
      if let wanted { addShares(sums, shape, to: wanted) }
    }
  }
}

/// Runs `body` with the two tables of distances, the last distance first.
private func withReversed(
  _ positions: PlanePositions, _ shape: PlaneAttentionShape, _ body: (UnsafePointer<Float>, UnsafePointer<Float>) -> Void
) {
  let size = shape.headSize
  withScratch(2 * shape.table) { tables in
    for (axis, table) in [positions.rows, positions.columns].enumerated() {
      for distance in 0..<shape.distances {
        (tables + axis * shape.table + distance * size).update(from: table + (shape.distances - 1 - distance) * size, count: size)
      }
    }
    body(tables, tables + shape.table)
  }
}

/// Adds up what the windows found: two reversed tables, then a pad token's key and value.
private func addShares(_ sums: UnsafePointer<Float>, _ shape: PlaneAttentionShape, to wanted: PlanePositionGradients) {
  if Rehearsal.isOn { return }
  let size = shape.headSize, shared = 2 * shape.table + 2 * size
  wanted.rows.update(repeating: 0, count: shape.table)
  wanted.columns.update(repeating: 0, count: shape.table)
  wanted.padding.update(repeating: 0, count: 3 * shape.embedding)
  for task in 0..<shape.tasks {
    let sums = sums + task * shared, column = task % shape.heads * size
    for distance in 0..<shape.distances {
      let from = sums + (shape.distances - 1 - distance) * size
      add(from, to: wanted.rows + distance * size, count: size)
      add(from + shape.table, to: wanted.columns + distance * size, count: size)
    }
    for third in 1...2 {
      add(
        sums + 2 * shape.table + (third - 1) * size, to: wanted.padding + third * shape.embedding + column, count: size)
    }
  }
}
