// The transformer of the family's mask decoders: a few tokens and the image look at each other, twice (facebookresearch/segment-anything,
// segment_anything/modeling/transformer.py).
// Axes: T tokens, N places of the image, P channels.

import Learning
import Tensors

struct TwoWayTransformer {
  static let layers = 2
  static let heads = 8
  private static let epsilon = 1e-5

  let parameters: any ParameterTable
  let name: String
  /// The positional codes of the places of the image, [1, N, P].
  let places: Tensor

  /// - Shape: tokens [1, T, P], keys [1, N, P]; result the same.
  func transformed(_ tokens: Tensor, _ keys: Tensor, on tape: Tape) -> (tokens: Tensor, keys: Tensor) {
    var state = (tokens: tokens, keys: keys)
    for layer in 0..<Self.layers {
      layerApplied("\(name).layers.\(layer)", isFirst: layer == 0, to: &state, codes: tokens, tape)
    }
    let found = attended(
      "\(name).final_attn_token_to_image", tape.sum(state.tokens, tokens), tape.sum(state.keys, places), state.keys, tape)
    state.tokens = normalized("\(name).norm_final_attn", tape.sum(state.tokens, found), tape)
    return state
  }

  /// One layer: tokens to tokens, tokens to image, perceptron, image to tokens.
  /// - Parameter codes: the tokens as they began, which serve as their positional codes.
  private func layerApplied(
    _ name: String, isFirst: Bool, to state: inout (tokens: Tensor, keys: Tensor), codes: Tensor, _ tape: Tape
  ) {
    func normed(_ number: Int, _ x: Tensor) -> Tensor { normalized("\(name).norm\(number)", x, tape) }
    var tokens = state.tokens
    if isFirst {
      tokens = normed(1, attended("\(name).self_attn", tokens, tokens, tokens, tape))
    } else {
      let placed = tape.sum(tokens, codes)
      tokens = normed(1, tape.sum(tokens, attended("\(name).self_attn", placed, placed, tokens, tape)))
    }
    let placedKeys = tape.sum(state.keys, places)
    let seen = attended("\(name).cross_attn_token_to_image", tape.sum(tokens, codes), placedKeys, state.keys, tape)
    tokens = normed(2, tape.sum(tokens, seen))
    let hidden = tape.relu(parameters.linear("\(name).mlp.lin1", tokens, tape))
    tokens = normed(3, tape.sum(tokens, parameters.linear("\(name).mlp.lin2", hidden, tape)))
    let attendedKeys = attended("\(name).cross_attn_image_to_token", placedKeys, tape.sum(tokens, codes), tokens, tape)
    state = (tokens, normed(4, tape.sum(state.keys, attendedKeys)))
  }

  private func attended(_ name: String, _ queries: Tensor, _ keys: Tensor, _ values: Tensor, _ tape: Tape) -> Tensor {
    let mixed = tape.attention(
      queries: parameters.linear("\(name).q_proj", queries, tape), keys: parameters.linear("\(name).k_proj", keys, tape),
      values: parameters.linear("\(name).v_proj", values, tape), heads: Self.heads)
    return parameters.linear("\(name).out_proj", mixed, tape)
  }

  private func normalized(_ name: String, _ x: Tensor, _ tape: Tape) -> Tensor {
    parameters.normalized(name, x, epsilon: Self.epsilon, tape)
  }
}
