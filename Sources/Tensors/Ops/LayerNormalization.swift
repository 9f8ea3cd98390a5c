// Layer normalisation over the last axis, of tokens or of the channels of voxels.

import Kernels

extension Tape {
  /// y = gain · (x - mean) / √(variance + ε) + bias, each row by its own mean and biased variance.
  /// - Shape: x [..., C], gain and bias [C]; result like x.
  public func layerNormalization(_ x: Tensor, gain: Parameter, bias: Parameter, epsilon: Double) -> Tensor {
    let (rows, channels) = (x.shape.rows, x.shape.channels)
    require(
      gain.shape.count == channels && bias.shape.count == channels,
      "layer normalization \(gain.name): input \(x.shape) does not fit \(gain.shape): the input needs \(gain.shape.count) channels."
    )
    let y = Tensor(uninitialized: x.shape)
    Kernels.layerNormalization(
      x.pointer, gain: gain.value.pointer, bias: bias.value.pointer, epsilon: epsilon, into: y.pointer, rows: rows,
      channels: channels)
    return record("layerNormalization", inputs: [x], parameters: [gain, bias], output: y) { dy in
      let found = layerNormalizationGradient(
        dy.pointer, x: x.pointer, gain: gain.value.pointer, epsilon: epsilon, rows: rows, channels: channels)
      gain.accumulate(Tensor(found.gain.map { Float($0) }, shape: gain.shape))
      bias.accumulate(Tensor(found.bias.map { Float($0) }, shape: bias.shape))
      self.accumulate(dy, for: x)
    }
  }
}
