// What the networks of the Segment Anything family are made of, by the names of their state dicts (facebookresearch/segment-anything,
// segment_anything/modeling/): layers that are applied, and the arrays that they need.

import Learning
import Tensors

extension ParameterTable {
  /// The linear layer of that name. Shape: x [..., I]; result [..., O].
  func linear(_ name: String, _ x: Tensor, _ tape: Tape) -> Tensor {
    tape.linear(x, weight: self["\(name).weight"], bias: self["\(name).bias"])
  }

  /// Normalises over the channels of each token or voxel.
  func normalized(_ name: String, _ x: Tensor, epsilon: Double = 1e-6, _ tape: Tape) -> Tensor {
    tape.layerNormalization(x, gain: self["\(name).weight"], bias: self["\(name).bias"], epsilon: epsilon)
  }

  /// Three linear layers with ReLU between them.
  func perceptron(_ name: String, _ x: Tensor, _ tape: Tape) -> Tensor {
    let hidden = (0..<2).reduce(x) { x, layer in tape.relu(linear("\(name).layers.\(layer)", x, tape)) }
    return linear("\(name).layers.2", hidden, tape)
  }

  /// Twice a transposed convolution by 2, with GELU; the first is normalised. Shape: x [B, D, H, W, P]; result [B, fD·D, 4H, 4W, P/8].
  func upscaled(_ name: String, _ x: Tensor, _ tape: Tape) -> Tensor {
    func upsampled(_ step: Int, _ x: Tensor) -> Tensor {
      tape.transposedConvolution(x, weight: self["\(name).\(step).weight"], bias: self["\(name).\(step).bias"])
    }
    return tape.gelu(upsampled(3, tape.gelu(normalized("\(name).1", upsampled(0, x), tape))))
  }

  /// Two narrowing steps to a mask prompt's dense embedding. Shape: mask [1, fD·4g, 4g, 4g, 1]; result [1, g, g, g, P].
  func maskPrompt(_ name: String, _ mask: Tensor, _ tape: Tape) -> Tensor {
    var x = mask
    for step in [0, 3] {
      x = tape.patchConvolution(x, weight: self["\(name).\(step).weight"], bias: self["\(name).\(step).bias"])
      x = tape.gelu(normalized("\(name).\(step + 1)", x, tape))
    }
    return tape.convolution(x, weight: self["\(name).6.weight"], bias: self["\(name).6.bias"])
  }
}

/// The arrays of the family's layers: names, shapes, PyTorch's first values.
extension [ParameterSpecification] {
  static func linear(_ name: String, _ inputs: Int, _ outputs: Int) -> Self {
    let bound = ParameterSpecification.Initializer.uniform(bound: 1 / Double(inputs).squareRoot())
    return [.init("\(name).weight", [outputs, inputs], bound), .init("\(name).bias", [outputs], bound)]
  }

  /// A convolution whose stride is its kernel or 1.
  static func plainConvolution(
    _ name: String, inputs: Int, outputs: Int, kernel: [Int], transposed: Bool = false
  ) -> Self {
    .convolution(name, inputs: inputs, outputs: outputs, kernel: kernel, transposed: transposed, stride: kernel, .uniform)
  }

  static func attention(_ name: String, _ channels: Int, inside: Int) -> Self {
    ["q", "k", "v"].flatMap { linear("\(name).\($0)_proj", channels, inside) } + linear("\(name).out_proj", inside, channels)
  }

  /// Three linear layers.
  static func perceptron(_ name: String, _ inputs: Int, hidden: Int, _ outputs: Int) -> Self {
    linear("\(name).layers.0", inputs, hidden) + linear("\(name).layers.1", hidden, hidden)
      + linear("\(name).layers.2", hidden, outputs)
  }

  static func maskPrompt(_ name: String, channels: Int, outputs: Int, kernel: [Int]) -> Self {
    let narrow = channels / 4
    return plainConvolution("\(name).0", inputs: 1, outputs: narrow, kernel: kernel)
      + normalization("\(name).1", channels: narrow)
      + plainConvolution("\(name).3", inputs: narrow, outputs: channels, kernel: kernel)
      + normalization("\(name).4", channels: channels)
      + plainConvolution("\(name).6", inputs: channels, outputs: outputs, kernel: kernel.map { _ in 1 })
  }

  static func upscaling(_ name: String, _ channels: Int, kernel: [Int]) -> Self {
    plainConvolution("\(name).0", inputs: channels, outputs: channels / 4, kernel: kernel, transposed: true)
      + normalization("\(name).1", channels: channels / 4)
      + plainConvolution("\(name).3", inputs: channels / 4, outputs: channels / 8, kernel: kernel, transposed: true)
  }

  /// The transformer of the decoder.
  static func twoWayTransformer(_ name: String, _ channels: Int, hidden: Int) -> Self {
    var all: Self = []
    for number in 0..<TwoWayTransformer.layers {
      let layer = "\(name).layers.\(number)"
      all += attention("\(layer).self_attn", channels, inside: channels) + normalization("\(layer).norm1", channels: channels)
      all += attention("\(layer).cross_attn_token_to_image", channels, inside: channels / 2)
      all += normalization("\(layer).norm2", channels: channels)
      all += linear("\(layer).mlp.lin1", channels, hidden) + linear("\(layer).mlp.lin2", hidden, channels)
      all += normalization("\(layer).norm3", channels: channels) + normalization("\(layer).norm4", channels: channels)
      all += attention("\(layer).cross_attn_image_to_token", channels, inside: channels / 2)
    }
    return all + attention("\(name).final_attn_token_to_image", channels, inside: channels / 2)
      + normalization("\(name).norm_final_attn", channels: channels)
  }
}
