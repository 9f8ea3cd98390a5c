// Scaled dot-product attention of several heads. Axes: B batch, N queries, M keys, E channels of all heads.

import Kernels

extension Tape {
  /// softmax(q · kᵀ / √(E/heads)) · v, head h on channels h·E/heads..<(h+1)·E/heads. The probabilities are not kept: the way back makes
  /// them again from queries and keys.
  /// - Shape: queries [B, N, E], keys and values [B, M, E]; result [B, N, E].
  public func attention(queries: Tensor, keys: Tensor, values: Tensor, heads: Int) -> Tensor {
    let width = queries.shape.channels
    require(
      queries.shape.rank == 3 && keys.shape == values.shape
        && keys.shape == Shape([queries.shape.batch, keys.shape[1], width]) && width % heads == 0,
      "attention of \(queries.shape) to \(keys.shape) and \(values.shape) with \(heads) heads: give [B, N, E], [B, M, E] and "
        + "[B, M, E] with E a multiple of the heads.")
    let shape = AttentionShape(
      batch: queries.shape.batch, queries: queries.shape[1], keys: keys.shape[1], channels: width, heads: heads)
    let y = Tensor(uninitialized: queries.shape)
    attentionForward(shape, q: queries.pointer, k: keys.pointer, v: values.pointer, into: y.pointer)
    return record("attention", inputs: [queries, keys, values], output: y, operations: shape.operations) { dy in
      let dq = Tensor(uninitialized: queries.shape), dk = Tensor(uninitialized: keys.shape)
      let dv = Tensor(uninitialized: values.shape)
      attentionBackward(
        shape, q: queries.pointer, k: keys.pointer, v: values.pointer, dy: dy.pointer, dq: dq.pointer, dk: dk.pointer,
        dv: dv.pointer)
      self.accumulate(dq, for: queries)
      self.accumulate(dk, for: keys)
      self.accumulate(dv, for: values)
    }
  }
}
