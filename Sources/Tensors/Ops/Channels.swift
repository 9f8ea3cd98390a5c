// Joining channels, dropping elements or channels, and softmax over classes.

import Kernels

extension Tape {
  /// - Shape: a [B, D, H, W, C1], b [B, D, H, W, C2]; result [B, D, H, W, C1 + C2].
  public func concatenation(_ a: Tensor, _ b: Tensor) -> Tensor {
    require(
      a.shape.sizes.dropLast() == b.shape.sizes.dropLast(),
      "concatenation of \(a.shape) and \(b.shape): all axes but the channels must agree: is the patch divisible by the network's stride?"
    )
    let (first, second, rows) = (a.shape.channels, b.shape.channels, a.shape.rows)
    let y = Tensor(uninitialized: Shape(a.shape.sizes.dropLast() + [first + second]))
    concatenateChannels(a.pointer, first: first, b.pointer, second: second, into: y.pointer, rows: rows)
    return record("concatenation", inputs: [a, b], output: y) { dy in
      let da = Tensor(uninitialized: a.shape), db = Tensor(uninitialized: b.shape)
      splitChannels(dy.pointer, da.pointer, first: first, db.pointer, second: second, rows: rows)
      self.accumulate(da, for: a)
      self.accumulate(db, for: b)
    }
  }

  /// Zeroes elements with the given probability and scales the others by 1 / (1 - probability). The pattern is a function of the key, so
  /// the backward walk makes it again instead of keeping it.
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
}
