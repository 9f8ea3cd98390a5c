// What a SAM is built from, and how it is read off the shapes of a state dict (facebookresearch/segment-anything, segment_anything/build_sam.py).

import Tensors

/// The sizes of a SAM.
public struct SAMPlan: Hashable, Sendable {
  /// S: pixels along each side of the canvas.
  public var canvas: Int
  /// Pixels along each side of a patch, which becomes one token.
  public var patchSize: Int
  /// E: channels of the encoder's tokens.
  public var embedding: Int
  /// Blocks of the encoder.
  public var depth: Int
  /// Heads of the encoder's attention.
  public var heads: Int
  /// Blocks, from 0, whose attention is over the whole plane; the others' is within windows.
  public var globalBlocks: Set<Int>
  /// n: tokens along each side of a window.
  public var window: Int
  /// P: channels of the embedding, of prompts and of the decoder; a multiple of 16.
  public var promptDimension: Int
  /// T: mask tokens, each of which gives a mask. SAM has 4; fine-tuned to K classes it has K.
  public var masks: Int
  /// Hidden channels of the decoder's perceptrons.
  public var decoderHidden: Int
  /// Channels of a mask prompt at one cell of the embedding, before they become P.
  public var maskPromptChannels: Int

  public init(
    canvas: Int, patchSize: Int = 16, embedding: Int, depth: Int, heads: Int, globalBlocks: Set<Int>, window: Int = 14,
    promptDimension: Int, masks: Int = 4, decoderHidden: Int = 2048, maskPromptChannels: Int = 16
  ) {
    (self.canvas, self.patchSize, self.embedding, self.depth, self.heads) = (canvas, patchSize, embedding, depth, heads)
    (self.globalBlocks, self.window, self.promptDimension) = (globalBlocks, window, promptDimension)
    (self.masks, self.decoderHidden, self.maskPromptChannels) = (masks, decoderHidden, maskPromptChannels)
  }

  /// SAM ViT-B.
  public static let base = SAMPlan(
    canvas: 1024, embedding: 768, depth: 12, heads: 12, globalBlocks: [2, 5, 8, 11], promptDimension: 256)

  /// g: tokens along each side of the plane.
  public var grid: Int { canvas / patchSize }
  /// Pixels along each side of a mask prompt and of the logits.
  public var lowResolution: Int { 4 * grid }
  /// How many times finer the canvas is than the logits.
  public var upsampling: Int { patchSize / 4 }
  /// S: channels of a head of the encoder.
  public var headSize: Int { embedding / heads }
  /// Channels of the upscaled embedding that a mask's vector is multiplied with.
  var maskChannels: Int { promptDimension / 8 }
  /// n of a block.
  func window(ofBlock block: Int) -> Int { globalBlocks.contains(block) ? grid : window }

  // What all SAMs have in common.
  static let channelFactor = 4
  static let imageChannels = 3
  static let scoreHidden = 256
}

extension SAMPlan {
  /// The plan of the network whose state dict has these shapes; all names and shapes follow from it (`SAM.specification`).
  public init(shapes: [String: [Int]]) throws(NetworkError) {
    func shape(_ name: String, rank: Int) throws(NetworkError) -> [Int] {
      guard let found = shapes[name], found.count == rank, found.allSatisfy({ $0 > 0 }) else {
        let hint =
          shapes["w_a_000"] != nil && shapes["image_encoder.pos_embed"] == nil
          ? "it holds LoRA alone; name SAM's own checkpoint here, and this file as the adapters."
          : "name a SAM checkpoint such as sam_vit_b_01ec64.pth."
        throw NetworkError("these are no weights of SAM: \(name) is missing or has not \(rank) axes: \(hint)")
      }
      return found
    }
    let grid = try shape("image_encoder.pos_embed", rank: 4)[1],
      patch = try shape("image_encoder.patch_embed.proj.weight", rank: 4)
    var lengths: [Int] = [], headSize = 1
    repeat {
      let table = try shape("image_encoder.blocks.\(lengths.count).attn.rel_pos_h", rank: 2)
      lengths.append(table[0])
      headSize = table[1]
    } while shapes["image_encoder.blocks.\(lengths.count).attn.rel_pos_h"] != nil
    let global = lengths.indices.filter { lengths[$0] == 2 * grid - 1 }
    let windows = Set(lengths.filter { $0 != 2 * grid - 1 }.map { ($0 + 1) / 2 })
    guard windows.count <= 1 else {
      throw NetworkError(
        "a SAM whose blocks have windows of \(windows.sorted()) tokens is not supported: use windows of one size.")
    }
    self.init(
      canvas: grid * patch[2], patchSize: patch[2], embedding: patch[0], depth: lengths.count, heads: patch[0] / headSize,
      globalBlocks: Set(global), window: windows.first ?? grid,
      promptDimension: try shape("image_encoder.neck.0.weight", rank: 4)[0],
      masks: try shape("mask_decoder.mask_tokens.weight", rank: 2)[0],
      decoderHidden: try shape("mask_decoder.transformer.layers.0.mlp.lin1.weight", rank: 2)[0],
      maskPromptChannels: try shape("prompt_encoder.mask_downscaling.3.weight", rank: 4)[0])
    if let problem { throw NetworkError(problem) }
  }

  /// What keeps the plan from being a SAM, as a sentence; nil where nothing does.
  public var problem: String? {
    if heads < 1 || embedding % heads != 0 { return "a SAM of \(embedding) channels has no \(heads) heads of one size." }
    if promptDimension % 16 != 0 {
      return "a SAM needs a prompt dimension that divides by 16, not \(promptDimension): choose 32, 64 or 256."
    }
    if maskPromptChannels % 4 != 0 { return "a SAM's mask prompt has a multiple of 4 channels, not \(maskPromptChannels)." }
    if patchSize % 4 != 0 || canvas % patchSize != 0 {
      return
        "a canvas of \(canvas) pixels does not divide into patches of \(patchSize): choose a multiple of \(max(4, patchSize))."
    }
    if grid < 2 || canvas > 4096 {
      return "a canvas of \(canvas) pixels is none for SAM: choose one from \(2 * patchSize) to 4096."
    }
    return nil
  }

  /// The same network on another canvas.
  public func resized(canvas: Int) throws(NetworkError) -> SAMPlan {
    var plan = self
    plan.canvas = canvas
    if let problem = plan.problem { throw NetworkError(problem) }
    return plan
  }
}
