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
    all += .plainConvolution("\(name).patch_embed.proj", inputs: 1, outputs: e, kernel: patch)
    for number in 0..<plan.depth {
      let block = "\(name).blocks.\(number)", distances = 2 * plan.window(ofBlock: number) - 1
      all += .normalization("\(block).norm1", channels: e)
      all += ["d", "h", "w"].map { .init("\(block).attn.rel_pos_\($0)", [distances, plan.headSize], .constant(0)) }
      all += .linear("\(block).attn.qkv", e, 3 * e) + .linear("\(block).attn.proj", e, e)
      all += .normalization("\(block).norm2", channels: e) + .linear("\(block).mlp.lin1", e, SAMMed3DPlan.channelFactor * e)
      all += .linear("\(block).mlp.lin2", SAMMed3DPlan.channelFactor * e, e)
    }
    let narrow: [ParameterSpecification] = .plainConvolution("\(name).neck.0", inputs: e, outputs: p, kernel: [1, 1, 1])
    let smooth: [ParameterSpecification] = .plainConvolution("\(name).neck.2", inputs: p, outputs: p, kernel: [3, 3, 3])
    // Without biases.
    return all + narrow.prefix(1) + .normalization("\(name).neck.1", channels: p) + smooth.prefix(1)
      + .normalization("\(name).neck.3", channels: p)
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
    all += .maskPrompt(down, channels: m, outputs: p, kernel: [2, 2, 2])
    return all + [vector("no_mask_embed")]
  }

  private static func decoderSpecification(_ plan: SAMMed3DPlan) -> [ParameterSpecification] {
    let p = plan.promptDimension, name = "mask_decoder", masks = SAMMed3DPlan.masks
    var all: [ParameterSpecification] = .twoWayTransformer("\(name).transformer", p, hidden: SAMMed3DPlan.decoderHidden)
    all += [("iou_token", 1), ("mask_tokens", masks)].map {
      .init("\(name).\($0.0).weight", [$0.1, p], .gaussian(standardDeviation: 1))
    }
    all += .upscaling("\(name).output_upscaling", p, kernel: [2, 2, 2])
    for mask in 0..<masks {
      all += .perceptron("\(name).output_hypernetworks_mlps.\(mask)", p, hidden: p, plan.maskChannels)
    }
    return all + .perceptron("\(name).iou_prediction_head", p, hidden: SAMMed3DPlan.scoreHidden, masks)
  }
}
