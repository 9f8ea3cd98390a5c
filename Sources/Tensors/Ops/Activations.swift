// Activations, element by element. The gradient takes the memory of the result's.

import Kernels

extension Tape {
  /// x · Φ(x) with the normal distribution Φ (exact GELU).
  public func gelu(_ x: Tensor) -> Tensor {
    let y = Tensor(uninitialized: x.shape)
    Kernels.gelu(x.pointer, into: y.pointer, count: x.count)
    return record("gelu", inputs: [x], output: y) { dy in
      geluGradient(dy.pointer, x: x.pointer, count: x.count)
      self.accumulate(dy, for: x)
    }
  }

  /// max(x, 0).
  public func relu(_ x: Tensor) -> Tensor {
    let y = Tensor(uninitialized: x.shape), place = x.place
    Kernels.relu(x.pointer, into: y.pointer, count: x.count)
    return record("relu", inputs: [x], output: y) { dy in
      reluGradient(dy.pointer, y: y.pointer, count: y.count)
      self.accumulate(dy, at: place)
    }
  }

  /// 1 / (1 + e^-x).
  public func sigmoid(_ x: Tensor) -> Tensor {
    let y = Tensor(uninitialized: x.shape), place = x.place
    Kernels.sigmoid(x.pointer, into: y.pointer, count: x.count)
    return record("sigmoid", inputs: [x], output: y) { dy in
      sigmoidGradient(dy.pointer, y: y.pointer, count: y.count)
      self.accumulate(dy, at: place)
    }
  }

  /// tanh x, between -1 and 1.
  public func tanh(_ x: Tensor) -> Tensor {
    let y = Tensor(uninitialized: x.shape), place = x.place
    hyperbolicTangent(x.pointer, into: y.pointer, count: x.count)
    return record("tanh", inputs: [x], output: y) { dy in
      hyperbolicTangentGradient(dy.pointer, y: y.pointer, count: y.count)
      self.accumulate(dy, at: place)
    }
  }
}
