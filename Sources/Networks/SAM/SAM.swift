// SAM on a plane (Kirillov et al., arXiv:2304.02643; github.com/facebookresearch/segment-anything): a vision transformer with windows, and a decoder that
// gives one mask for each of its mask tokens. Fine-tuned to classes (SAMed: Zhang and Liu, arXiv:2304.13785), token k is class k and there are no prompts.
// All of it runs on a tape: one that records trains what is not frozen.
// Axes: B batch, S pixels along each side of the canvas, g = S / 16 tokens, E channels of a token, P channels of the embedding, T masks.

import Kernels
import Learning
import Tensors

public final class SAM {
  public static let name = "sam"

  public let plan: SAMPlan
  /// Every array of `specification(plan)`.
  public let parameters: any ParameterTable
  /// What is added to the projections of each block's queries and values; empty without LoRA.
  private let adapters: [[LowRankAdapter]]
  /// The patch embedding for an image whose three channels are one.
  private lazy var singleChannelPatches = Rehearsal.lasting { summedPatches() }
  /// The positional codes of the tokens [1, g², P]: the matrix behind them is never trained.
  private lazy var places = Rehearsal.lasting {
    PlaneCode(matrix: parameters["prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"].value.values)
      .ofTokens(grid: plan.grid)
  }

  /// - Parameter adapters: of each block; none at all without LoRA.
  public init(_ plan: SAMPlan, parameters: any ParameterTable, adapters: [[LowRankAdapter]] = []) {
    if let problem = plan.problem { fatalError(problem) }
    (self.plan, self.parameters) = (plan, parameters)
    self.adapters = adapters.isEmpty ? [[LowRankAdapter]](repeating: [], count: plan.depth) : adapters
  }

  /// - Shape: image [B, 1, S, S, 3], or [B, 1, S, S, 1] for three equal channels; result [B, 1, g, g, P].
  public func embedding(_ image: Tensor, on tape: Tape) -> Tensor {
    let name = "image_encoder"
    require(
      image.shape.sizes[1...] == [1, plan.canvas, plan.canvas, 3] || image.shape.sizes[1...] == [1, plan.canvas, plan.canvas, 1],
      "SAM: an image \(image.shape): give [B, 1, \(plan.canvas), \(plan.canvas), 1 or 3].")
    let patches = tape.patchConvolution(image, weight: patchWeight(image), bias: parameters["\(name).patch_embed.proj.bias"])
    let tokens = tape.sum(patches, parameters["\(name).pos_embed"])
    let encoded = (0..<plan.depth).reduce(tokens) { x, number in
      tape.recomputing([x]) { [self] tape, inputs in block(number, inputs[0], tape) }
    }
    return neck("\(name).neck", encoded, tape)
  }

  private func block(_ number: Int, _ x: Tensor, _ tape: Tape) -> Tensor {
    let name = "image_encoder.blocks.\(number)", bias = parameters["\(name).attn.qkv.bias"]
    let qkv = tape.linear(
      parameters.normalized("\(name).norm1", x, tape), weight: parameters["\(name).attn.qkv.weight"], bias: bias,
      adapters: adapters[number])
    let attended = tape.planeAttention(
      qkv, rows: parameters["\(name).attn.rel_pos_h"], columns: parameters["\(name).attn.rel_pos_w"], bias: bias,
      heads: plan.heads)
    let y = tape.sum(x, parameters.linear("\(name).attn.proj", attended, tape))
    let hidden = tape.gelu(parameters.linear("\(name).mlp.lin1", parameters.normalized("\(name).norm2", y, tape), tape))
    return tape.sum(y, parameters.linear("\(name).mlp.lin2", hidden, tape))
  }

  /// 1x1 and 3x3 convolutions without bias, each normalised over channels.
  private func neck(_ name: String, _ x: Tensor, _ tape: Tape) -> Tensor {
    let narrow = parameters.normalized("\(name).1", tape.convolution(x, weight: parameters["\(name).0.weight"]), tape)
    let smooth = tape.convolution(narrow, weight: parameters["\(name).2.weight"], padding: [0, 1, 1])
    return parameters.normalized("\(name).3", smooth, tape)
  }

  private func patchWeight(_ image: Tensor) -> Parameter {
    let weight = parameters["image_encoder.patch_embed.proj.weight"]
    guard image.shape.channels == 1 else { return weight }
    require(weight.isFrozen, "SAM: give an image of three channels where the patch embedding is trained.")
    return singleChannelPatches
  }

  private func summedPatches() -> Parameter {
    let weight = parameters["image_encoder.patch_embed.proj.weight"], (outputs, side) = (weight.shape[0], plan.patchSize)
    let sum = Tensor(zeros: [outputs, 1, side, side]), pixels = side * side
    for row in 0..<outputs * SAMPlan.imageChannels {
      add(weight.value.pointer + row * pixels, to: sum.pointer + row / SAMPlan.imageChannels * pixels, count: pixels)
    }
    return Parameter(frozen: weight.name, value: sum)
  }

  // MARK: The decoder

  /// Logits of all T masks, without prompts or by prompts, one sample at a time.
  /// - Shape: embedding [1, 1, g, g, P], mask [1, 1, 4g, 4g, 1]; result [1, 1, 4g, 4g, T].
  /// - Parameters:
  ///   - mask: logits of a mask prompt.
  ///   - points: clicks; may be empty.
  public func logits(embedding: Tensor, mask: Tensor? = nil, points: [PlanePoint] = [], on tape: Tape) -> Tensor {
    let (grid, p, side) = (plan.grid, plan.promptDimension, plan.lowResolution)
    require(
      embedding.shape == [1, 1, grid, grid, p], "SAM: an embedding \(embedding.shape): give [1, 1, \(grid), \(grid), \(p)].")
    let dense =
      if let mask { tape.sum(embedding, parameters.maskPrompt("prompt_encoder.mask_downscaling", mask, tape)) } else {
        tape.sum(embedding, parameters["prompt_encoder.no_mask_embed.weight"])
      }
    return tape.reshaped(decoded(dense, pointTokens(points, on: tape), on: tape), [1, 1, side, side, plan.masks])
  }

  /// - Shape: image [1, 1, g, g, P], prompts [1, 1, P] each; result [1, (4g)², T].
  private func decoded(_ image: Tensor, _ prompts: [Tensor], on tape: Tape) -> Tensor {
    let name = "mask_decoder", channels = plan.promptDimension
    let learned = [("iou_token", 1), ("mask_tokens", plan.masks)].map {
      tape.value(of: parameters["\(name).\($0.0).weight"], shape: [1, $0.1, channels])
    }
    let transformer = TwoWayTransformer(parameters: parameters, name: "\(name).transformer", places: places)
    let (tokens, encoded) = transformer.transformed(
      tape.joinedTokens(learned + prompts), tape.reshaped(image, [1, image.shape.rows, channels]), on: tape)
    let vectors = (0..<plan.masks).map { mask in
      parameters.perceptron(
        "\(name).output_hypernetworks_mlps.\(mask)", tape.tokens(tokens, 1 + mask..<2 + mask), tape)
    }
    let upscaled = parameters.upscaled("\(name).output_upscaling", tape.reshaped(encoded, image.shape), tape)
    let pixels = tape.reshaped(upscaled, [1, upscaled.shape.rows, plan.maskChannels])
    return tape.products(tape.joinedTokens(vectors), pixels)
  }

  /// A token for each click, and behind them the one that stands for no box; nothing for no clicks.
  private func pointTokens(_ points: [PlanePoint], on tape: Tape) -> [Tensor] {
    if points.isEmpty { return [] }
    let code = PlaneCode(matrix: parameters["prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"].value.values)
    let shape: Shape = [1, 1, plan.promptDimension]
    return points.map { point in
      tape.sum(
        Tensor(code.ofPixel(row: point.row, column: point.column, canvas: plan.canvas), shape: shape),
        parameters["prompt_encoder.point_embeddings.\(point.isPositive ? 1 : 0).weight"])
    } + [tape.value(of: parameters["prompt_encoder.not_a_point_embed.weight"], shape: shape)]
  }
}

/// A click on a canvas.
public struct PlanePoint: Hashable, Sendable {
  /// The pixel, from 0.
  public var row, column: Double
  /// Whether it lies on the object, or on what is not the object.
  public var isPositive: Bool

  public init(row: Double, column: Double, isPositive: Bool) {
    (self.row, self.column, self.isPositive) = (row, column, isPositive)
  }
}
