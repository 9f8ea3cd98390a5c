// A trained addition of low rank to some outputs of a linear layer (Hu et al., arXiv:2106.09685): y[:, columns] += (x · Aᵀ) · Bᵀ. Rows are taken in
// blocks of fixed size, whose sums are added in their order.
// Axes: N rows, I inputs, O' outputs that are added to, R rank.

import CKernels

/// The numbers that describe the operation.
public struct LowRankShape: Sendable {
  public let rows, inputs, rank: Int
  /// The outputs of a row of y that are added to, and all of them.
  public let columns: Range<Int>
  public let outputs: Int
  private static let blockRows = 256

  public init(rows: Int, inputs: Int, rank: Int, columns: Range<Int>, outputs: Int) {
    (self.rows, self.inputs, self.rank, self.columns, self.outputs) = (rows, inputs, rank, columns, outputs)
  }

  /// Floating-point operations of the forward pass (a multiply and an add count two).
  public var operations: Double { 2 * Double(rows * rank) * Double(inputs + columns.count) }
  var blocks: Int { (rows + Self.blockRows - 1) / Self.blockRows }
  func rows(of block: Int) -> Range<Int> { block * Self.blockRows..<min(rows, (block + 1) * Self.blockRows) }
}

/// Adds to y [N, O]; x [N, I], down (A) [R, I], up (B) [O', R].
public func addLowRank(
  _ shape: LowRankShape, x: UnsafePointer<Float>, down: UnsafePointer<Float>, up: UnsafePointer<Float>,
  to y: UnsafeMutablePointer<Float>
) {
  let rank = shape.rank
  forEachBlock(shape.blocks) { block in
    let rows = shape.rows(of: block)
    withScratch(rows.count * rank) { middle in
      product(.secondTransposed, x + rows.lowerBound * shape.inputs, down, into: middle, rows.count, rank, shape.inputs)
      product(
        .secondTransposed, middle, up, into: y + rows.lowerBound * shape.outputs + shape.columns.lowerBound, rows.count,
        shape.columns.count, rank, strides: (rank, rank, shape.outputs), adding: true)
    }
  }
}

/// Overwrites the gradients of A and B, and adds to dx [N, I] where it is wanted.
public func lowRankGradient(
  _ shape: LowRankShape, x: UnsafePointer<Float>, down: UnsafePointer<Float>, up: UnsafePointer<Float>, dy: UnsafePointer<Float>,
  ddown: UnsafeMutablePointer<Float>, dup: UnsafeMutablePointer<Float>, addingTo dx: UnsafeMutablePointer<Float>?
) {
  let (rank, inputs, outputs) = (shape.rank, shape.inputs, shape.columns.count), size = rank * (inputs + outputs)
  withScratch(shape.blocks * size) { sums in
    forEachBlock(shape.blocks) { block in
      let rows = shape.rows(of: block), count = rows.count, sums = sums + block * size
      let x = x + rows.lowerBound * inputs, dy = dy + rows.lowerBound * shape.outputs + shape.columns.lowerBound
      withScratch(2 * count * rank) { middle in
        let dmiddle = middle + count * rank
        product(.secondTransposed, x, down, into: middle, count, rank, inputs)
        product(.plain, dy, up, into: dmiddle, count, rank, outputs, strides: (shape.outputs, rank, rank))
        product(.firstTransposed, dmiddle, x, into: sums, rank, inputs, count)
        product(
          .firstTransposed, dy, middle, into: sums + rank * inputs, outputs, rank, count, strides: (shape.outputs, rank, rank))
        if let dx {
          product(.plain, dmiddle, down, into: dx + rows.lowerBound * inputs, count, inputs, rank, adding: true)
        }
      }
    }
    copyFloats(sums, into: ddown, count: rank * inputs)
    copyFloats(sums + rank * inputs, into: dup, count: rank * outputs)
    for block in 1..<max(1, shape.blocks) {
      add(sums + block * size, to: ddown, count: rank * inputs)
      add(sums + block * size + rank * inputs, to: dup, count: rank * outputs)
    }
  }
}
