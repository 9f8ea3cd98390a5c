// Dropping elements or channels, and softmax over classes.

import Kernels

extension Tape {
  /// Zeroes elements with the given probability and scales the others by 1 / (1 - probability). The pattern is a function of the key, so
  /// the backward pass makes it again instead of keeping it.
  public func dropout(_ x: Tensor, probability: Double, key: RandomKey) -> Tensor {
    let y = Tensor(uninitialized: x.shape)
    Kernels.dropout(x.pointer, into: y.pointer, count: x.count, probability: probability, key: key.value)
    return record("dropout", inputs: [x], output: y) { dy in
      let dx = Tensor(uninitialized: x.shape)
      Kernels.dropout(dy.pointer, into: dx.pointer, count: x.count, probability: probability, key: key.value)
      self.accumulate(dx, for: x)
    }
  }

  /// Zeroes whole channels of a sample with the given probability and scales the others by 1 / (1 - probability).
  /// - Shape: x [B, D, H, W, C]; result the same.
  public func channelDropout(_ x: Tensor, probability: Double, key: RandomKey) -> Tensor {
    let (samples, channels) = (x.shape.batch, x.shape.channels), rows = x.shape.rows / samples,
      keep = Float(1 / (1 - probability))
    let factors = (0..<samples * channels).map { key.uniform(UInt64($0)) < probability ? 0 : keep }
    let y = Tensor(uninitialized: x.shape)
    scaleChannels(x.pointer, into: y.pointer, factors: factors, samples: samples, rows: rows, channels: channels)
    let place = x.place
    return record("channelDropout", inputs: [x], output: y) { dy in
      scaleChannels(dy.pointer, into: dy.pointer, factors: factors, samples: samples, rows: rows, channels: channels)
      self.accumulate(dy, at: place)
    }
  }

  /// Class probabilities over the last axis.
  /// - Shape: logits [B, D, H, W, K]; result the same.
  public func softmax(_ logits: Tensor) -> Tensor {
    let (rows, classes) = (logits.shape.rows, logits.shape.channels)
    let p = Tensor(uninitialized: logits.shape)
    Kernels.softmax(logits.pointer, into: p.pointer, count: rows, classes: classes)
    return record("softmax", inputs: [logits], output: p) { dp in
      let dz = Tensor(uninitialized: logits.shape)
      softmaxGradient(p: p.pointer, dp: dp.pointer, into: dz.pointer, count: rows, classes: classes)
      self.accumulate(dz, for: logits)
    }
  }

  /// x · factors, which are constants and are repeated for each sample.
  /// - Shape: x [B, ...], factors like x or like one sample of it.
  public func product(_ x: Tensor, _ factors: Tensor) -> Tensor {
    require(
      x.count % factors.count == 0,
      "product of \(x.shape) and \(factors.shape): give a factor for each value, of one sample or of all.")
    let y = Tensor(uninitialized: x.shape), place = x.place
    withExtendedLifetime(x) {
      Kernels.product(x.pointer, factors.pointer, period: factors.count, into: y.pointer, count: y.count)
    }
    return record("product", inputs: [x], output: y) { dy in
      Kernels.product(dy.pointer, factors.pointer, period: factors.count, into: dy.pointer, count: dy.count)
      self.accumulate(dy, at: place)
    }
  }
}
