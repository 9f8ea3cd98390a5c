// Names, shapes and first values of SAM-Med3D's arrays, in the order of its state dict (uni-medical/SAM-Med3D,
// segment_anything/modeling/). First values are PyTorch's defaults. What was never trained (masks 1 to 3, the score of a mask) is
// kept because it belongs to the file.

import Learning
import Tensors

extension SAMMed3D {
  /// The arrays of a network, before memory exists.
  public static func specification(_ plan: SAMMed3DPlan) -> [ParameterSpecification] {
    encoderSpecification(plan) + promptSpecification(plan) + decoderSpecification(plan)
  }

  private static func encoderSpecification(_ plan: SAMMed3DPlan) -> [ParameterSpecification] {
    let (e, p, grid) = (plan.embedding, plan.promptDimension, plan.grid), name = "image_encoder"
    let patch = [Int](repeating: plan.patchSize, count: 3)
    var all = [ParameterSpecification("\(name).pos_embed", [1, grid, grid, grid, e], .constant(0))]
    all += convolution("\(name).patch_embed.proj", inputs: 1, outputs: e, kernel: patch)
    for number in 0..<plan.depth {
      let block = "\(name).blocks.\(number)", distances = 2 * plan.window(ofBlock: number) - 1
      all += normalization("\(block).norm1", e)
      all += ["d", "h", "w"].map { .init("\(block).attn.rel_pos_\($0)", [distances, plan.headSize], .constant(0)) }
      all += linear("\(block).attn.qkv", e, 3 * e) + linear("\(block).attn.proj", e, e) + normalization("\(block).norm2", e)
      all += linear("\(block).mlp.lin1", e, SAMMed3DPlan.channelFactor * e)
      all += linear("\(block).mlp.lin2", SAMMed3DPlan.channelFactor * e, e)
    }
    all += convolution("\(name).neck.0", inputs: e, outputs: p, kernel: [1, 1, 1]).prefix(1) + normalization("\(name).neck.1", p)
    return all + convolution("\(name).neck.2", inputs: p, outputs: p, kernel: [3, 3, 3]).prefix(1)
      + normalization("\(name).neck.3", p)
  }

  private static func promptSpecification(_ plan: SAMMed3DPlan) -> [ParameterSpecification] {
    let (p, m) = (plan.promptDimension, plan.maskPromptChannels), name = "prompt_encoder", down = "\(name).mask_downscaling"
    func vector(_ part: String) -> ParameterSpecification {
      .init("\(name).\(part).weight", [1, p], .gaussian(standardDeviation: 1))
    }
    var all: [ParameterSpecification] = [
      .init("\(name).pe_layer.positional_encoding_gaussian_matrix", [3, p / 3], .gaussian(standardDeviation: 1)),
      vector("point_embeddings.0"), vector("point_embeddings.1"), vector("not_a_point_embed"),
    ]
    all += convolution("\(down).0", inputs: 1, outputs: m / 4, kernel: [2, 2, 2]) + normalization("\(down).1", m / 4)
    all += convolution("\(down).3", inputs: m / 4, outputs: m, kernel: [2, 2, 2]) + normalization("\(down).4", m)
    return all + convolution("\(down).6", inputs: m, outputs: p, kernel: [1, 1, 1]) + [vector("no_mask_embed")]
  }

  private static func decoderSpecification(_ plan: SAMMed3DPlan) -> [ParameterSpecification] {
    let p = plan.promptDimension, name = "mask_decoder", hidden = SAMMed3DPlan.decoderHidden, masks = SAMMed3DPlan.masks
    var all: [ParameterSpecification] = []
    for number in 0..<SAMMed3DPlan.decoderLayers {
      let layer = "\(name).transformer.layers.\(number)"
      all += attention("\(layer).self_attn", p, inside: p) + normalization("\(layer).norm1", p)
      all += attention("\(layer).cross_attn_token_to_image", p, inside: p / 2) + normalization("\(layer).norm2", p)
      all += linear("\(layer).mlp.lin1", p, hidden) + linear("\(layer).mlp.lin2", hidden, p) + normalization("\(layer).norm3", p)
      all += normalization("\(layer).norm4", p) + attention("\(layer).cross_attn_image_to_token", p, inside: p / 2)
    }
    all += attention("\(name).transformer.final_attn_token_to_image", p, inside: p / 2)
    all += normalization("\(name).transformer.norm_final_attn", p)
    all += [("iou_token", 1), ("mask_tokens", masks)].map {
      .init("\(name).\($0.0).weight", [$0.1, p], .gaussian(standardDeviation: 1))
    }
    let up = "\(name).output_upscaling"
    all +=
      convolution("\(up).0", inputs: p, outputs: p / 4, kernel: [2, 2, 2], transposed: true) + normalization("\(up).1", p / 4)
    all += convolution("\(up).3", inputs: p / 4, outputs: plan.maskChannels, kernel: [2, 2, 2], transposed: true)
    for mask in 0..<masks {
      all += perceptron("\(name).output_hypernetworks_mlps.\(mask)", p, hidden: p, plan.maskChannels)
    }
    return all + perceptron("\(name).iou_prediction_head", p, hidden: SAMMed3DPlan.scoreHidden, masks)
  }

  // MARK: Parts

  private static func linear(_ name: String, _ inputs: Int, _ outputs: Int) -> [ParameterSpecification] {
    let bound = ParameterSpecification.Initializer.uniform(bound: 1 / Double(inputs).squareRoot())
    return [.init("\(name).weight", [outputs, inputs], bound), .init("\(name).bias", [outputs], bound)]
  }

  private static func normalization(_ name: String, _ channels: Int) -> [ParameterSpecification] {
    .normalization(name, channels: channels)
  }

  private static func convolution(
    _ name: String, inputs: Int, outputs: Int, kernel: [Int], transposed: Bool = false
  ) -> [ParameterSpecification] {
    .convolution(name, inputs: inputs, outputs: outputs, kernel: kernel, transposed: transposed, stride: kernel, .uniform)
  }

  private static func attention(_ name: String, _ channels: Int, inside: Int) -> [ParameterSpecification] {
    ["q", "k", "v"].flatMap { linear("\(name).\($0)_proj", channels, inside) } + linear("\(name).out_proj", inside, channels)
  }

  /// Three linear layers.
  private static func perceptron(_ name: String, _ inputs: Int, hidden: Int, _ outputs: Int) -> [ParameterSpecification] {
    linear("\(name).layers.0", inputs, hidden) + linear("\(name).layers.1", hidden, hidden)
      + linear("\(name).layers.2", hidden, outputs)
  }
}
