// Matrix products: the linear layer, and the products of two sets of tokens. Axes: B batch, N and M tokens, E I O channels.

import Kernels

extension Tape {
  /// y = x · Wᵀ + bias on the last axis, plus what `adapters` add to parts of it. A frozen weight costs no gradient of its own, and x is not kept for it.
  /// - Shape: x [..., I], weight [O, I], bias [O]; result [..., O].
  public func linear(_ x: Tensor, weight: Parameter, bias: Parameter?, adapters: [LowRankAdapter] = []) -> Tensor {
    require(
      weight.shape.rank == 2 && x.shape.channels == weight.shape[1],
      "linear \(weight.name): input \(x.shape) does not fit weights \(weight.shape): the input needs \(weight.shape[1]) channels."
    )
    let (rows, inputs, outputs) = (x.shape.rows, weight.shape[1], weight.shape[0]), place = x.place
    let y = Tensor(uninitialized: Shape(x.shape.sizes.dropLast() + [outputs]))
    matrixProduct(
      .secondTransposed, x.pointer, weight.value.pointer, bias: bias?.value.pointer, into: y.pointer, m: rows, n: outputs,
      k: inputs)
    for adapter in adapters { adapter.add(to: y, x) }
    let own = [weight] + (bias.map { [$0] } ?? []), isTrained = !own.allSatisfy(\.isFrozen)
    let kept = isTrained || !adapters.isEmpty ? x : nil
    return record(
      "linear", inputs: [x], parameters: own + adapters.flatMap { [$0.down, $0.up] }, output: y,
      operations: 2 * Double(rows * inputs * outputs)
    ) { dy in
      if let kept, isTrained { accumulateLinear(weight, bias, x: kept, dy) }
      let dx = place.slot == nil ? nil : Tensor(uninitialized: place.shape)
      if let dx { matrixProduct(.plain, dy.pointer, weight.value.pointer, into: dx.pointer, m: rows, n: inputs, k: outputs) }
      for adapter in adapters { adapter.accumulate(kept!, dy, addingTo: dx) }
      if let dx { self.accumulate(dx, at: place) }
    }
  }

  /// The dot product of every token of a with every token of b, b's tokens outermost: what mask vectors (a) make of voxels (b).
  /// - Shape: a [B, N, E], b [B, M, E]; result [B, M, N].
  public func products(_ a: Tensor, _ b: Tensor) -> Tensor {
    require(
      a.shape.rank == 3 && b.shape.rank == 3 && a.shape.batch == b.shape.batch && a.shape.channels == b.shape.channels,
      "products of \(a.shape) and \(b.shape): give [B, N, E] and [B, M, E].")
    let (batch, n, m, width) = (a.shape.batch, a.shape[1], b.shape[1], a.shape.channels)
    let y = Tensor(uninitialized: [batch, m, n])
    func at(_ tensor: Tensor, _ sample: Int) -> UnsafeMutablePointer<Float> {
      tensor.pointer + sample * tensor.shape[1] * tensor.shape[2]
    }
    for s in 0..<batch { matrixProduct(.secondTransposed, at(b, s), at(a, s), into: at(y, s), m: m, n: n, k: width) }
    return record("products", inputs: [a, b], output: y, operations: 2 * Double(y.count * width)) { dy in
      let da = Tensor(uninitialized: a.shape), db = Tensor(uninitialized: b.shape)
      for s in 0..<batch {
        matrixProduct(.firstTransposed, at(dy, s), at(b, s), into: at(da, s), m: n, n: width, k: m)
        matrixProduct(.plain, at(dy, s), at(a, s), into: at(db, s), m: m, n: width, k: n)
      }
      self.accumulate(da, for: a)
      self.accumulate(db, for: b)
    }
  }
}

/// Adds the gradients of a linear layer's own parameters.
private func accumulateLinear(_ weight: Parameter, _ bias: Parameter?, x: Tensor, _ dy: Tensor) {
  let (rows, outputs, inputs) = (x.shape.rows, weight.shape[0], weight.shape[1])
  if !weight.isFrozen {
    let dw = Tensor(uninitialized: weight.shape)
    matrixProduct(.firstTransposed, dy.pointer, x.pointer, into: dw.pointer, m: outputs, n: inputs, k: rows)
    weight.accumulate(dw)
  }
  if let bias, !bias.isFrozen {
    bias.accumulate(Tensor(columnSums(dy.pointer, rows: rows, channels: outputs).map { Float($0) }, shape: bias.shape))
  }
}
