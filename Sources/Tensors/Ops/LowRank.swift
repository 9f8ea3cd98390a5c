// Low-rank adapters of linear layers (LoRA: Hu et al., arXiv:2106.09685). Axes: N rows, I inputs, O' outputs that are added to, R rank.

import Kernels

/// What training adds to some outputs of a linear layer whose own weights stay: y[:, columns] += B · A · x.
public struct LowRankAdapter {
  /// The O' outputs that are added to.
  public let columns: Range<Int>
  /// A [R, I].
  public let down: Parameter
  /// B [O', R].
  public let up: Parameter

  public init(columns: Range<Int>, down: Parameter, up: Parameter) {
    (self.columns, self.down, self.up) = (columns, down, up)
    require(
      down.shape.rank == 2 && up.shape == [columns.count, down.shape[0]],
      "low-rank adapter \(down.name) \(down.shape), \(up.name) \(up.shape): give [R, I] and [\(columns.count), R].")
  }

  private func shape(_ x: Tensor, outputs: Int) -> LowRankShape {
    LowRankShape(rows: x.shape.rows, inputs: x.shape.channels, rank: down.shape[0], columns: columns, outputs: outputs)
  }

  /// Adds to fresh outputs, before anybody reads them.
  func add(to y: Tensor, _ x: Tensor) {
    addLowRank(
      shape(x, outputs: y.shape.channels), x: x.pointer, down: down.value.pointer, up: up.value.pointer, to: y.pointer)
  }

  /// Adds to the gradients of A and B, and to that of x where it is wanted.
  func accumulate(_ x: Tensor, _ dy: Tensor, addingTo dx: Tensor?) {
    let ddown = Tensor(uninitialized: down.shape), dup = Tensor(uninitialized: up.shape)
    lowRankGradient(
      shape(x, outputs: dy.shape.channels), x: x.pointer, down: down.value.pointer, up: up.value.pointer, dy: dy.pointer,
      ddown: ddown.pointer, dup: dup.pointer, addingTo: dx?.pointer)
    down.accumulate(ddown)
    up.accumulate(dup)
  }
}

extension LowRankAdapter {
  /// Adds B · A to the rows of a layer's weight [O, I] that make its outputs.
  public func merge(into weight: Tensor) {
    let (outputs, rank, inputs) = (columns.count, down.shape[0], down.shape[1]),
      product = Tensor(uninitialized: [outputs, inputs])
    matrixProduct(.plain, up.value.pointer, down.value.pointer, into: product.pointer, m: outputs, n: inputs, k: rank)
    Kernels.add(product.pointer, to: weight.pointer + columns.lowerBound * inputs, count: product.count)
  }
}
