// SAM-Med3D's image encoder: a vision transformer on a cube of patches (uni-medical/SAM-Med3D,
// segment_anything/modeling/image_encoder3D.py).
// Axes: B batch, N voxels along each side, g tokens along each side, E channels of a token, P channels of the embedding.

import Kernels
import Learning
import Tensors

extension SAMMed3D {
  /// What prompts are decoded with; depends on the image alone.
  /// - Shape: image [B, N, N, N, 1], normalised; result [B, g, g, g, P].
  public func embedding(_ image: Tensor, on tape: Tape) -> Tensor {
    let side = plan.imageSize, name = "image_encoder"
    require(
      image.shape.sizes.dropFirst() == [side, side, side, 1],
      "SAM-Med3D: an image \(image.shape): crop or pad it to [B, \(side), \(side), \(side), 1]; resizing harms.")
    let patches = tape.patchConvolution(
      image, weight: parameters["\(name).patch_embed.proj.weight"], bias: parameters["\(name).patch_embed.proj.bias"])
    let tokens = tape.sum(patches, parameters["\(name).pos_embed"])
    let encoded = (0..<plan.depth).reduce(tokens) { x, number in
      tape.recomputing([x]) { [self] tape, inputs in block("\(name).blocks.\(number)", inputs[0], tape) }
    }
    return neck("\(name).neck", encoded, tape)
  }

  private func block(_ name: String, _ x: Tensor, _ tape: Tape) -> Tensor {
    let qkv = parameters.linear("\(name).attn.qkv", parameters.normalized("\(name).norm1", x, tape), tape)
    let positions = RelativePositions(depth: "d", height: "h", width: "w").map { parameters["\(name).attn.rel_pos_\($0)"] }
    let attended = tape.relativeAttention(
      qkv, positions: positions, bias: parameters["\(name).attn.qkv.bias"], heads: plan.heads, padding: padding)
    let y = tape.sum(x, parameters.linear("\(name).attn.proj", attended, tape))
    let hidden = tape.gelu(parameters.linear("\(name).mlp.lin1", parameters.normalized("\(name).norm2", y, tape), tape))
    return tape.sum(y, parameters.linear("\(name).mlp.lin2", hidden, tape))
  }

  /// 1x1x1 and 3x3x3 convolutions without bias, each normalised over channels.
  private func neck(_ name: String, _ x: Tensor, _ tape: Tape) -> Tensor {
    let narrow = parameters.normalized("\(name).1", tape.convolution(x, weight: parameters["\(name).0.weight"]), tape)
    let smooth = tape.convolution(narrow, weight: parameters["\(name).2.weight"], padding: [1, 1, 1])
    return parameters.normalized("\(name).3", smooth, tape)
  }
}
