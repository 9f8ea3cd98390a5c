// What a SAM-Med3D is built from, and how it is read off the shapes of a state dict (uni-medical/SAM-Med3D,
// segment_anything/build_sam3D.py, `vit_b_ori`).

import Tensors

/// The sizes of a SAM-Med3D.
public struct SAMMed3DPlan: Hashable, Sendable {
  /// N: voxels along each side of the image.
  public var imageSize: Int
  /// Voxels along each side of a patch, which becomes one token.
  public var patchSize: Int
  /// E: channels of the encoder's tokens.
  public var embedding: Int
  /// Blocks of the encoder.
  public var depth: Int
  /// Heads of the encoder's attention.
  public var heads: Int
  /// Blocks, from 0, whose attention is over the whole grid; the others' is over a window that is padded.
  public var globalBlocks: Set<Int>
  /// n: tokens along each side of the window, pad tokens included.
  public var window: Int
  /// P: channels of the embedding, of prompts and of the decoder; a multiple of 48.
  public var promptDimension: Int
  /// Channels of a mask prompt at one cell for each token, before they become P; a multiple of 4. The released network has 16 for 64 cells.
  public var maskPromptChannels: Int

  public init(
    imageSize: Int, patchSize: Int, embedding: Int, depth: Int, heads: Int, globalBlocks: Set<Int>, window: Int,
    promptDimension: Int, maskPromptChannels: Int = 16
  ) {
    self.imageSize = imageSize
    self.patchSize = patchSize
    self.embedding = embedding
    self.depth = depth
    self.heads = heads
    self.globalBlocks = globalBlocks
    self.window = window
    self.promptDimension = promptDimension
    self.maskPromptChannels = maskPromptChannels
  }

  /// The released network: ViT-B on 128x128x128 voxels.
  public static let base = SAMMed3DPlan(
    imageSize: 128, patchSize: 16, embedding: 768, depth: 12, heads: 12, globalBlocks: [2, 5, 8, 11], window: 14,
    promptDimension: 384)

  /// g: tokens along each side of the grid.
  public var grid: Int { imageSize / patchSize }
  /// Voxels along each side of a mask prompt and of the logits.
  public var lowResolution: Int { 4 * grid }
  /// S: channels of a head of the encoder.
  public var headSize: Int { embedding / heads }
  /// Channels of the upscaled embedding that a mask's vector is multiplied with.
  var maskChannels: Int { promptDimension / 8 }
  /// n of a block.
  func window(ofBlock block: Int) -> Int { globalBlocks.contains(block) ? grid : window }

  // What all SAM-Med3D have in common.
  static let channelFactor = 4
  static let decoderHidden = 2048
  static let scoreHidden = 256
  static let masks = 4
}

extension SAMMed3DPlan {
  /// The plan of the network whose state dict has these shapes; all names and shapes follow from it (`SAMMed3D.specification`).
  public init(shapes: [String: [Int]]) throws(NetworkError) {
    func shape(_ name: String, rank: Int) throws(NetworkError) -> [Int] {
      guard let found = shapes[name], found.count == rank, found.allSatisfy({ $0 > 0 }) else {
        throw NetworkError(
          "these are no weights of SAM-Med3D: \(name) is missing or has not \(rank) axes: "
            + "name a SAM-Med3D checkpoint."
        )
      }
      return found
    }
    let grid = try shape("image_encoder.pos_embed", rank: 5)[1],
      patch = try shape("image_encoder.patch_embed.proj.weight", rank: 5)
    var lengths: [Int] = [], headSize = 1
    repeat {
      let table = try shape("image_encoder.blocks.\(lengths.count).attn.rel_pos_d", rank: 2)
      lengths.append(table[0])
      headSize = table[1]
    } while shapes["image_encoder.blocks.\(lengths.count).attn.rel_pos_d"] != nil
    let global = lengths.indices.filter { lengths[$0] == 2 * grid - 1 }
    self.init(
      imageSize: grid * patch[2], patchSize: patch[2], embedding: patch[0], depth: lengths.count, heads: patch[0] / headSize,
      globalBlocks: Set(global), window: (lengths.max()! + 1) / 2,
      promptDimension: try shape("image_encoder.neck.0.weight", rank: 5)[0],
      maskPromptChannels: try shape("prompt_encoder.mask_downscaling.3.weight", rank: 5)[0])
    if let problem { throw NetworkError(problem) }
  }

  /// What keeps the plan from being a SAM-Med3D, as a sentence; nil where nothing does.
  var problem: String? {
    if heads < 1 || embedding % heads != 0 { return "a SAM-Med3D of \(embedding) channels has no \(heads) heads of one size." }
    if promptDimension % 48 != 0 {
      return "a SAM-Med3D needs a prompt dimension that divides by 48, not \(promptDimension): choose 48, 96 or 384."
    }
    if maskPromptChannels % 4 != 0 { return "a SAM-Med3D's mask prompt has a multiple of 4 channels, not \(maskPromptChannels)." }
    if imageSize > 512 || grid > 16 {
      return
        "a SAM-Med3D of \(imageSize) voxels and \(grid) tokens a side is larger than any that is supported: use images of 128."
    }
    if imageSize % patchSize != 0 { return "an image side of \(imageSize) does not divide by the patch size \(patchSize)." }
    if window < grid {
      return
        "a SAM-Med3D whose window of \(window) is smaller than its grid of \(grid) tokens is not supported: use images of 128."
    }
    return nil
  }
}
