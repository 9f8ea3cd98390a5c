// SAM-Med3D's mask decoder: a two-way transformer between a few tokens and the image, then a mask as the product of a token's
// vector with the upscaled image (uni-medical/SAM-Med3D, segment_anything/modeling/mask_decoder3D.py). Only the first of its four
// masks was trained; it alone is computed.
// Axes: T tokens (score, 4 masks, prompts), g tokens of the image along each side, P channels.

import Learning
import Tensors

extension SAMMed3D {
  /// - Shape: image [1, g, g, g, P], prompts [1, 1, P] each; result [1, 4g, 4g, 4g, 1].
  func decoded(_ image: Tensor, _ prompts: [Tensor], on tape: Tape) -> Tensor {
    let name = "mask_decoder", channels = plan.promptDimension, side = plan.lowResolution
    let learned = [("iou_token", 1), ("mask_tokens", SAMMed3DPlan.masks)].map {
      tape.value(of: parameters["\(name).\($0.0).weight"], shape: [1, $0.1, channels])
    }
    let keys = tape.reshaped(image, [1, image.shape.rows, channels])
    let transformer = TwoWayTransformer(parameters: parameters, name: "\(name).transformer", places: places)
    let (tokens, encoded) = transformer.transformed(tape.joinedTokens(learned + prompts), keys, on: tape)
    let vector = parameters.perceptron("\(name).output_hypernetworks_mlps.0", tape.tokens(tokens, 1..<2), tape)
    let upscaled = parameters.upscaled("\(name).output_upscaling", tape.reshaped(encoded, image.shape), tape)
    let voxels = tape.reshaped(upscaled, [1, upscaled.shape.rows, plan.maskChannels])
    return tape.reshaped(tape.products(vector, voxels), [1, side, side, side, 1])
  }
}
