// SAM-Med3D's mask decoder: a two-way transformer between a few tokens and the image, then a mask as the product of a token's
// vector with the upscaled image (uni-medical/SAM-Med3D, segment_anything/modeling/mask_decoder3D.py). Only the first of its four
// masks was trained; it alone is computed.
// Axes: T tokens (score, 4 masks, prompts), g tokens of the image along each side, P channels.

import Learning
import Tensors

extension SAMMed3D {
  private static let epsilon = 1e-5

  /// - Shape: image [1, g, g, g, P], prompts [1, 1, P] each; result [1, 4g, 4g, 4g, 1].
  func decoded(_ image: Tensor, _ prompts: [Tensor], on tape: Tape) -> Tensor {
    let name = "mask_decoder", channels = plan.promptDimension, side = plan.lowResolution
    let learned = [("iou_token", 1), ("mask_tokens", SAMMed3DPlan.masks)].map {
      tape.value(of: parameters["\(name).\($0.0).weight"], shape: [1, $0.1, channels])
    }
    let keys = tape.reshaped(image, [1, image.shape.rows, channels])
    let (tokens, encoded) = transformed(tape.joinedTokens(learned + prompts), keys, on: tape)
    let vector = maskVector("\(name).output_hypernetworks_mlps.0", tape.tokens(tokens, 1..<2), tape)
    let upscaled = upscaled("\(name).output_upscaling", tape.reshaped(encoded, image.shape), tape)
    let voxels = tape.reshaped(upscaled, [1, upscaled.shape.rows, plan.maskChannels])
    return tape.reshaped(tape.products(vector, voxels), [1, side, side, side, 1])
  }

  /// - Shape: tokens [1, T, P], keys [1, g³, P]; result the same.
  private func transformed(_ tokens: Tensor, _ keys: Tensor, on tape: Tape) -> (tokens: Tensor, keys: Tensor) {
    let name = "mask_decoder.transformer"
    var state = (tokens: tokens, keys: keys)
    for layer in 0..<SAMMed3DPlan.decoderLayers {
      layerApplied("\(name).layers.\(layer)", isFirst: layer == 0, to: &state, codes: (tokens, places), tape)
    }
    let found = attended(
      "\(name).final_attn_token_to_image", tape.sum(state.tokens, tokens), tape.sum(state.keys, places), state.keys, tape)
    state.tokens = normalized("\(name).norm_final_attn", tape.sum(state.tokens, found), epsilon: Self.epsilon, tape)
    return state
  }

  /// One layer: tokens to tokens, tokens to image, perceptron, image to tokens.
  /// - Parameter codes: the positional codes: the tokens as they began, and the places in the image.
  private func layerApplied(
    _ name: String, isFirst: Bool, to state: inout (tokens: Tensor, keys: Tensor), codes: (tokens: Tensor, keys: Tensor),
    _ tape: Tape
  ) {
    func normed(_ number: Int, _ x: Tensor) -> Tensor { normalized("\(name).norm\(number)", x, epsilon: Self.epsilon, tape) }
    var tokens = state.tokens
    if isFirst {
      tokens = normed(1, attended("\(name).self_attn", tokens, tokens, tokens, tape))
    } else {
      let placed = tape.sum(tokens, codes.tokens)
      tokens = normed(1, tape.sum(tokens, attended("\(name).self_attn", placed, placed, tokens, tape)))
    }
    let placedKeys = tape.sum(state.keys, codes.keys)
    let seen = attended("\(name).cross_attn_token_to_image", tape.sum(tokens, codes.tokens), placedKeys, state.keys, tape)
    tokens = normed(2, tape.sum(tokens, seen))
    let hidden = tape.relu(linear("\(name).mlp.lin1", tokens, tape))
    tokens = normed(3, tape.sum(tokens, linear("\(name).mlp.lin2", hidden, tape)))
    let attendedKeys = attended("\(name).cross_attn_image_to_token", placedKeys, tape.sum(tokens, codes.tokens), tokens, tape)
    state = (tokens, normed(4, tape.sum(state.keys, attendedKeys)))
  }

  private func attended(_ name: String, _ queries: Tensor, _ keys: Tensor, _ values: Tensor, _ tape: Tape) -> Tensor {
    let mixed = tape.attention(
      queries: linear("\(name).q_proj", queries, tape), keys: linear("\(name).k_proj", keys, tape),
      values: linear("\(name).v_proj", values, tape), heads: SAMMed3DPlan.decoderHeads)
    return linear("\(name).out_proj", mixed, tape)
  }

  /// - Shape: token [1, 1, P]; result [1, 1, P/8].
  private func maskVector(_ name: String, _ token: Tensor, _ tape: Tape) -> Tensor {
    let hidden = (0..<2).reduce(token) { x, layer in tape.relu(linear("\(name).layers.\(layer)", x, tape)) }
    return linear("\(name).layers.2", hidden, tape)
  }

  /// - Shape: x [1, g, g, g, P]; result [1, 4g, 4g, 4g, P/8].
  private func upscaled(_ name: String, _ x: Tensor, _ tape: Tape) -> Tensor {
    func upsampled(_ step: Int, _ x: Tensor) -> Tensor {
      tape.transposedConvolution(x, weight: parameters["\(name).\(step).weight"], bias: parameters["\(name).\(step).bias"])
    }
    return tape.gelu(upsampled(3, tape.gelu(normalized("\(name).1", upsampled(0, x), tape))))
  }
}
