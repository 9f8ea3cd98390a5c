// The promptable networks that random scenes can train, with the sizes of the demo weights that come with the package.

import Networks

/// What is pretrained.
public enum PretrainedArchitecture: String, CaseIterable, Sendable {
  /// A prior for volumes, asked with masks and clicks.
  case samMed3D = "sam-med3d"
  /// A SAM for canvases of slices, which SFR fine-tunes.
  case sam

  /// The work that trains it.
  var work: any PretrainingWork.Type {
    switch self {
    case .samMed3D: Pretraining.self
    case .sam: SAMPretraining.self
    }
  }

  /// The title in the file: never the name of a network that it was not.
  var title: String {
    switch self {
    case .samMed3D: "demo prior"
    case .sam: "demo SAM"
    }
  }
}

extension SAMMed3DPlan {
  /// SAM-Med3D for 32x32x32 voxels: 3 million parameters in place of 100 million. A patch of 4 voxels makes the cells of masks as fine as
  /// the image, and 64 channels carry the 64 cells of a token: structures of a few voxels pass unharmed.
  public static let demo = SAMMed3DPlan(
    imageSize: 32, patchSize: 4, embedding: 192, depth: 4, heads: 6, globalBlocks: Set(0..<4), window: 8, promptDimension: 96,
    maskPromptChannels: 64)
}

extension SAMPlan {
  /// SAM for a canvas of 256 pixels: 4 million parameters in place of 91 million. A patch of 8 pixels makes the cells of masks 2 pixels
  /// wide. Token 0 is the background, token 1 what was asked for, as the tokens of a SAM fine-tuned to classes are.
  public static let demo = SAMPlan(
    canvas: 256, patchSize: 8, embedding: 192, depth: 6, heads: 6, globalBlocks: [2, 5], window: 8, promptDimension: 128,
    masks: 2,
    decoderHidden: 256, maskPromptChannels: 16)
}
