// Linear maps that act along each axis of [A0, A1, A2, C] by itself: resampling, averaging over cells and interpolating are all
// of this kind.

import CKernels

/// Weights along one axis: each output position is a weighted sum of consecutive input positions.
public struct AxisWeights: Sendable {
  public let inputs: Int
  public private(set) var outputs = 0
  /// The first input of each output, and where its weights begin; one more at the end.
  fileprivate private(set) var first: [Int] = []
  fileprivate private(set) var starts = [0]
  fileprivate private(set) var weights: [Float] = []

  public init(inputs: Int) { self.inputs = inputs }

  /// The next output position; without weights it stays 0.
  public mutating func append(first: Int, _ weights: [Float]) {
    require(
      first >= 0 && first + weights.count <= inputs,
      "AxisWeights: inputs \(first)..<\(first + weights.count) are not among \(inputs): clamp them.")
    self.first.append(first)
    self.weights += weights
    starts.append(self.weights.count)
    outputs += 1
  }
}

extension AxisWeights {
  /// Linear interpolation, half-pixel centres, ends clamped (align_corners false).
  public static func resized(_ inputs: Int, to outputs: Int) -> AxisWeights {
    var axis = AxisWeights(inputs: inputs)
    for output in 0..<outputs {
      let place = (Float(output) + 0.5) * Float(inputs) / Float(outputs) - 0.5, position = min(max(place, 0), Float(inputs - 1))
      let first = Int(position), share = position - Float(first)
      axis.append(first: first, share > 0 ? [1 - share, share] : [1])
    }
    return axis
  }

  /// The map backwards, from gradients of outputs to those of inputs.
  public var transposed: AxisWeights {
    var axis = AxisWeights(inputs: outputs)
    for input in 0..<inputs {
      let readers = (0..<outputs).filter { weight(of: input, in: $0) != 0 }
      guard let low = readers.first, let high = readers.last else {
        axis.append(first: 0, [])
        continue
      }
      axis.append(first: low, (low...high).map { weight(of: input, in: $0) })
    }
    return axis
  }

  private func weight(of input: Int, in output: Int) -> Float {
    let number = input - first[output], count = starts[output + 1] - starts[output]
    return (0..<count).contains(number) ? weights[starts[output] + number] : 0
  }
}

/// y[j0, j1, j2, c] = Σ w0[j0, i0] w1[j1, i1] w2[j2, i2] x[i0, i1, i2, c]; overwrites y.
/// - Parameters:
///   - x: [A0, A1, A2, C], A the inputs of the three axes.
///   - y: [B0, B1, B2, C], B their outputs.
public func mapAxes(
  _ x: UnsafePointer<Float>, channels: Int, through axes: [AxisWeights], into y: UnsafeMutablePointer<Float>
) {
  let (outer, middle, inner) = (axes[0], axes[1], axes[2])
  let line = inner.inputs * channels, outputLine = inner.outputs * channels
  forEachBlock(outer.outputs * middle.outputs) { block in
    let (j, k) = (block / middle.outputs, block % middle.outputs)
    let target = y + block * outputLine
    var rows: [UnsafePointer<Float>?] = [], weights: [Float] = []
    for a in outer.starts[j]..<outer.starts[j + 1] {
      let plane = (outer.first[j] + a - outer.starts[j]) * middle.inputs + middle.first[k] - middle.starts[k]
      for b in middle.starts[k]..<middle.starts[k + 1] {
        rows.append(x + (plane + b) * line)
        weights.append(outer.weights[a] * middle.weights[b])
      }
    }
    guard !rows.isEmpty else { return target.update(repeating: 0, count: outputLine) }
    withUnsafeTemporaryAllocation(of: Float.self, capacity: line) { buffer in
      cohort_weighted_rows(buffer.baseAddress!, &rows, weights, rows.count, line)
      mapLine(buffer.baseAddress!, channels: channels, through: inner, into: target)
    }
  }
}

private func mapLine(
  _ x: UnsafePointer<Float>, channels: Int, through axis: borrowing AxisWeights, into y: UnsafeMutablePointer<Float>
) {
  axis.first.withUnsafeBufferPointer { first in
    axis.starts.withUnsafeBufferPointer { starts in
      axis.weights.withUnsafeBufferPointer { weights in
        for j in 0..<first.count {
          for c in 0..<channels {
            var sum: Float = 0, from = first[j] * channels + c
            for k in starts[j]..<starts[j + 1] {
              sum += weights[k] * x[from]
              from += channels
            }
            y[j * channels + c] = sum
          }
        }
      }
    }
  }
}
