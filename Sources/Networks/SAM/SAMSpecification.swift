// Names, shapes and first values of SAM's arrays (facebookresearch/segment-anything, segment_anything/modeling/). First values are PyTorch's defaults.

import Learning
import Tensors

extension SAM {
  /// The arrays of a network, before memory exists.
  public static func specification(_ plan: SAMPlan) -> [ParameterSpecification] {
    encoderSpecification(plan) + promptSpecification(plan) + decoderSpecification(plan)
  }

  private static func encoderSpecification(_ plan: SAMPlan) -> [ParameterSpecification] {
    let (e, p, grid) = (plan.embedding, plan.promptDimension, plan.grid), name = "image_encoder"
    var all = [ParameterSpecification("\(name).pos_embed", [1, grid, grid, e], .constant(0))]
    all += .plainConvolution(
      "\(name).patch_embed.proj", inputs: SAMPlan.imageChannels, outputs: e, kernel: [plan.patchSize, plan.patchSize])
    for number in 0..<plan.depth {
      let block = "\(name).blocks.\(number)", distances = 2 * plan.window(ofBlock: number) - 1
      all += .normalization("\(block).norm1", channels: e)
      all += ["h", "w"].map { .init("\(block).attn.rel_pos_\($0)", [distances, plan.headSize], .constant(0)) }
      all += .linear("\(block).attn.qkv", e, 3 * e) + .linear("\(block).attn.proj", e, e)
      all += .normalization("\(block).norm2", channels: e) + .linear("\(block).mlp.lin1", e, SAMPlan.channelFactor * e)
      all += .linear("\(block).mlp.lin2", SAMPlan.channelFactor * e, e)
    }
    let narrow: [ParameterSpecification] = .plainConvolution("\(name).neck.0", inputs: e, outputs: p, kernel: [1, 1])
    let smooth: [ParameterSpecification] = .plainConvolution("\(name).neck.2", inputs: p, outputs: p, kernel: [3, 3])
    // Without biases.
    return all + narrow.prefix(1) + .normalization("\(name).neck.1", channels: p) + smooth.prefix(1)
      + .normalization("\(name).neck.3", channels: p)
  }

  private static func promptSpecification(_ plan: SAMPlan) -> [ParameterSpecification] {
    let p = plan.promptDimension, name = "prompt_encoder"
    func vector(_ part: String) -> ParameterSpecification {
      .init("\(name).\(part).weight", [1, p], .gaussian(standardDeviation: 1))
    }
    return [.init("\(name).pe_layer.positional_encoding_gaussian_matrix", [2, p / 2], .gaussian(standardDeviation: 1))]
      + (0..<4).map { vector("point_embeddings.\($0)") } + [vector("not_a_point_embed")]
      + .maskPrompt("\(name).mask_downscaling", channels: plan.maskPromptChannels, outputs: p, kernel: [2, 2])
      + [vector("no_mask_embed")]
  }

  private static func decoderSpecification(_ plan: SAMPlan) -> [ParameterSpecification] {
    let p = plan.promptDimension, name = "mask_decoder"
    var all: [ParameterSpecification] = .twoWayTransformer("\(name).transformer", p, hidden: plan.decoderHidden)
    all.append(.init("\(name).iou_token.weight", [1, p], .gaussian(standardDeviation: 1)))
    all.append(.init("\(name).mask_tokens.weight", [plan.masks, p], .gaussian(standardDeviation: 1)))
    all += .upscaling("\(name).output_upscaling", p, kernel: [2, 2])
    for mask in 0..<plan.masks {
      all += .perceptron("\(name).output_hypernetworks_mlps.\(mask)", p, hidden: p, plan.maskChannels)
    }
    return all + .perceptron("\(name).iou_prediction_head", p, hidden: SAMPlan.scoreHidden, plan.masks)
  }
}
