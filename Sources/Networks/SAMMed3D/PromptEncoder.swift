// SAM-Med3D's prompts: a mask as a dense addition to the embedding, clicks as tokens (uni-medical/SAM-Med3D,
// segment_anything/modeling/prompt_encoder3D.py).
// Axes: g tokens along each side, P channels of the embedding.

import Learning
import Tensors

extension SAMMed3D {
  var positionalCode: PositionalCode {
    PositionalCode(matrix: parameters["prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"].value.values)
  }

  /// The embedding with the mask prompt added.
  /// - Shape: mask [1, 4g, 4g, 4g, 1], embedding and result [1, g, g, g, P].
  func withMask(_ mask: Tensor?, embedding: Tensor, on tape: Tape) -> Tensor {
    guard let mask else { return tape.sum(embedding, parameters["prompt_encoder.no_mask_embed.weight"]) }
    let dense = parameters.maskPrompt("prompt_encoder.mask_downscaling", mask, tape)
    return tape.sum(embedding, dense)
  }

  /// A token for each click, and behind them the one that stands for no box; nothing for no clicks.
  /// - Returns: tokens [1, 1, P].
  func pointTokens(_ points: [PointPrompt], on tape: Tape) -> [Tensor] {
    if points.isEmpty { return [] }
    let code = positionalCode, shape: Shape = [1, 1, plan.promptDimension]
    let clicks = points.map { point in
      tape.sum(
        Tensor(code.ofVoxel(point.voxel, imageSize: plan.imageSize), shape: shape),
        parameters["prompt_encoder.point_embeddings.\(point.isPositive ? 1 : 0).weight"])
    }
    return clicks + [tape.value(of: parameters["prompt_encoder.not_a_point_embed.weight"], shape: shape)]
  }
}
