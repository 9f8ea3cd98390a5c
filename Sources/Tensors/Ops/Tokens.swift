// Sequences put together and taken apart, parameters as values, other shapes. Axes: B batch, N tokens, E channels.

import Kernels

extension Tape {
  /// The sequences of each sample one after the other.
  /// - Shape: parts [B, Nᵢ, E]; result [B, Σ Nᵢ, E].
  public func joinedTokens(_ parts: [Tensor]) -> Tensor {
    let (batch, width) = (parts[0].shape.batch, parts[0].shape.channels)
    require(
      parts.allSatisfy { $0.shape == Shape([batch, $0.shape[1], width]) },
      "joined tokens of \(parts.map(\.shape)): give sequences [B, N, E] with one B and one E.")
    let starts = parts.reduce(into: [0]) { $0.append($0.last! + $1.shape[1]) }, places = parts.map(\.place)
    let y = Tensor(uninitialized: [batch, starts.last!, width])
    for (part, start) in zip(parts, starts) { copyTokens(part, from: 0, into: y, at: start, count: part.shape[1]) }
    return record("joinedTokens", inputs: parts, output: y) { dy in
      for (place, start) in zip(places, starts) where place.slot != nil {
        let dx = Tensor(uninitialized: place.shape)
        copyTokens(dy, from: start, into: dx, at: 0, count: place.shape[1])
        self.accumulate(dx, at: place)
      }
    }
  }

  /// Some consecutive tokens of each sample.
  /// - Shape: x [B, N, E]; result [B, n, E] with the n tokens of `range`.
  public func tokens(_ x: Tensor, _ range: Range<Int>) -> Tensor {
    require(
      x.shape.rank == 3 && range.lowerBound >= 0 && range.upperBound <= x.shape[1],
      "tokens \(range) of \(x.shape): give a range within the \(x.shape[1]) tokens of [B, N, E].")
    let y = Tensor(uninitialized: [x.shape.batch, range.count, x.shape.channels]), place = x.place
    copyTokens(x, from: range.lowerBound, into: y, at: 0, count: range.count)
    return record("tokens", inputs: [x], output: y) { dy in
      let dx = Tensor(uninitialized: place.shape)
      fill(dx.pointer, with: 0, count: dx.count)
      copyTokens(dy, from: 0, into: dx, at: range.lowerBound, count: range.count)
      self.accumulate(dx, at: place)
    }
  }

  /// A parameter as a value on the tape, in the parameter's own memory: learned tokens.
  /// - Shape: `shape` has as many elements as the parameter.
  public func value(of parameter: Parameter, shape: Shape) -> Tensor {
    checkCounts(parameter.shape, shape)
    return record("value", inputs: [], parameters: [parameter], output: parameter.value.window(shape)) { dy in
      parameter.accumulate(dy.window(parameter.shape))
    }
  }

  /// The same memory seen in another shape of as many elements.
  public func reshaped(_ x: Tensor, _ shape: Shape) -> Tensor {
    checkCounts(x.shape, shape)
    let place = x.place
    return record("reshaped", inputs: [x], output: x.window(shape)) { dy in
      self.accumulate(dy.window(place.shape), at: place)
    }
  }
}

private func checkCounts(_ from: Shape, _ to: Shape) {
  require(from.count == to.count, "\(from) seen as \(to): give a shape of \(from.count) elements.")
}

/// Copies `count` tokens of each sample, from token `first` of x to token `place` of y.
private func copyTokens(_ x: Tensor, from first: Int, into y: Tensor, at place: Int, count: Int) {
  let width = x.shape.channels
  for sample in 0..<x.shape.batch {
    copyFloats(
      x.pointer + (sample * x.shape[1] + first) * width, into: y.pointer + (sample * y.shape[1] + place) * width,
      count: count * width)
  }
}
