// First values by which a SAM's clicks find their places from the first step. With PyTorch's, as SAM has them, the decoder looks at all
// places alike, and its answers to clicks stay blind for more steps than a small pretraining has.

import Learning

extension ParameterSet {
  /// Lets places outweigh kinds in the decoder, and its queries begin as its keys do, so that a token finds itself and its own place. All of it
  /// can be unlearned.
  func letClicksFindPlaces() {
    // A structure on a canvas of slices is as wide as one or two tokens, so the code of places is made finer.
    scale("prompt_encoder.pe_layer.positional_encoding_gaussian_matrix", by: 2)
    for kind in ["point_embeddings.0", "point_embeddings.1", "not_a_point_embed"] {
      scale("prompt_encoder.\(kind).weight", by: 0.4)
    }
    for token in ["iou_token", "mask_tokens"] { scale("mask_decoder.\(token).weight", by: 0.4) }
    scale("prompt_encoder.no_mask_embed.weight", by: 0.2)
    scale("image_encoder.neck.3.weight", by: 0.3)
    let layers = "mask_decoder.transformer.layers"
    equalize("\(layers).0.self_attn", factor: 2)
    for number in 0..<2 {
      for direction in ["token_to_image", "image_to_token"] { equalize("\(layers).\(number).cross_attn_\(direction)", factor: 4) }
    }
  }

  private func scale(_ name: String, by factor: Float) {
    let values = self[name].value
    for index in 0..<values.shape.count { values.pointer[index] *= factor }
  }

  /// Queries as they are, times a factor, and keys like them.
  private func equalize(_ attention: String, factor: Float) {
    scale("\(attention).q_proj.weight", by: factor)
    let queries = self["\(attention).q_proj.weight"].value
    self["\(attention).k_proj.weight"].value.pointer.update(from: queries.pointer, count: queries.shape.count)
  }
}
