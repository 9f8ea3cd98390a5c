// Attention of SAM's image encoder over a plane of tokens, whole or cut into windows. Axes: B batch, g tokens along each side of the plane, n along
// each side of a window, S size of a head, E = heads · S channels.

import Kernels

extension Tape {
  /// softmax(q·k / √S + relative terms) · v within each window; the tables of positions say how large windows are. Windows behind the plane's end hold
  /// pad tokens, whose keys and values are the bias of the projection that made `qkv`.
  /// - Shape: qkv [B, 1, g, g, 3E] (q, k, v; a head's channels together), rows and columns [2n-1, S], bias [3E]; result [B, 1, g, g, E].
  public func planeAttention(_ qkv: Tensor, rows: Parameter, columns: Parameter, bias: Parameter, heads: Int) -> Tensor {
    let grid = qkv.shape[2], window = (rows.shape[0] + 1) / 2, size = rows.shape[1]
    require(
      qkv.shape.spatial == [1, grid, grid] && rows.shape == columns.shape && qkv.shape.channels == 3 * heads * size
        && bias.shape.count == qkv.shape.channels,
      "plane attention of \(qkv.shape) with \(heads) heads and positions \(rows.shape): give a square plane of tokens with "
        + "3 · heads · \(size) channels.")
    let shape = PlaneAttentionShape(batch: qkv.shape.batch, heads: heads, headSize: size, grid: grid, window: window)
    let positions = PlanePositions(rows: rows.value.pointer, columns: columns.value.pointer, padding: bias.value.pointer)
    let y = Tensor(uninitialized: Shape(qkv.shape.sizes.dropLast() + [heads * size])), trained = [rows, columns, bias]
    Kernels.planeAttention(shape, qkv: qkv.pointer, positions, into: y.pointer)
    return record("planeAttention", inputs: [qkv], parameters: trained, output: y, operations: shape.operations) { dy in
      let dqkv = Tensor(uninitialized: qkv.shape), isFrozen = trained.allSatisfy(\.isFrozen)
      let gradients = isFrozen ? [] : trained.map { Tensor(uninitialized: $0.shape) }
      planeAttentionGradient(
        shape, qkv: qkv.pointer, positions, dy: dy.pointer, into: dqkv.pointer,
        isFrozen
          ? nil
          : PlanePositionGradients(rows: gradients[0].pointer, columns: gradients[1].pointer, padding: gradients[2].pointer))
      for (parameter, gradient) in zip(trained, gradients) { parameter.accumulate(gradient) }
      self.accumulate(dqkv, for: qkv)
    }
  }
}
