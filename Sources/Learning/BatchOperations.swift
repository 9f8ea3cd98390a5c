// Samples of a lane put together and taken apart: what batch normalisation, batch Dice and mixing need.

import Kernels
import Tensors

extension Tape {
  /// Samples one after the other. Shapes: each [b, D, H, W, C], result [Σ b, D, H, W, C].
  public func stacked(_ samples: [Tensor]) -> Tensor {
    guard samples.count > 1 else { return samples[0] }
    let shape = samples[0].shape
    require(
      samples.allSatisfy { $0.shape.sizes.dropFirst() == shape.sizes.dropFirst() },
      "stacked: samples of shapes \(samples.map(\.shape)): all must have one size; crop them alike.")
    let batch = samples.reduce(0) { $0 + $1.shape.batch }
    let result = Tensor(uninitialized: Shape([batch] + shape.sizes.dropFirst()))
    var start = 0
    for sample in samples {
      withExtendedLifetime(sample) { (result.pointer + start).update(from: sample.pointer, count: sample.count) }
      start += sample.count
    }
    let places = samples.map(\.place)
    return record("stacked", inputs: samples, output: result) { gradient in
      var start = 0
      for place in places {
        self.accumulate(gradient.part(from: start, shape: place.shape), at: place)
        start += place.shape.count
      }
    }
  }

  /// The samples of a batch apart. Shapes: x [B, D, H, W, C], results [1, D, H, W, C].
  public func unstacked(_ x: Tensor) -> [Tensor] {
    guard x.shape.batch > 1 else { return [x] }
    let shape = Shape([1] + x.shape.sizes.dropFirst()), place = x.place
    return (0..<x.shape.batch).map { number in
      let start = number * shape.count
      return record("unstacked", inputs: [x], output: x.part(from: start, shape: shape)) { gradient in
        let whole = Tensor(zeros: place.shape)
        withExtendedLifetime(gradient) { (whole.pointer + start).update(from: gradient.pointer, count: gradient.count) }
        self.accumulate(whole, at: place)
      }
    }
  }
}

extension Tape {
  /// Samples in another order: sample b of the result is sample `order[b]`, which may come several times or not at all.
  /// - Shape: x [B, ...]; result [order.count, ...].
  public func gathered(_ x: Tensor, _ order: [Int]) -> Tensor {
    let size = x.count / x.shape.batch, place = x.place
    let result = Tensor(uninitialized: Shape([order.count] + x.shape.sizes.dropFirst()))
    withExtendedLifetime(x) {
      for (number, source) in order.enumerated() {
        copyFloats(x.pointer + source * size, into: result.pointer + number * size, count: size)
      }
    }
    return record("gathered", inputs: [x], output: result) { gradient in
      let whole = Tensor(uninitialized: place.shape)
      fill(whole.pointer, with: 0, count: whole.count)
      withExtendedLifetime(gradient) {
        for (number, source) in order.enumerated() {
          add(gradient.pointer + number * size, to: whole.pointer + source * size, count: size)
        }
      }
      self.accumulate(whole, at: place)
    }
  }
}

extension Tensor {
  /// A copy of consecutive values.
  fileprivate func part(from start: Int, shape: Shape) -> Tensor {
    let result = Tensor(uninitialized: shape)
    withExtendedLifetime(self) { result.pointer.update(from: pointer + start, count: shape.count) }
    return result
  }
}
