// The network behind a prior, from the file that a run names.

import Networks
import Tensors
import Weights

/// A frozen promptable network and what is known of its training.
struct PriorNetwork {
  /// The title of weights that do not describe themselves.
  static let publishedTitle = "SAM-Med3D"

  let network: SAMMed3D
  /// The title for the console and reports.
  let title: String
  /// mm between the voxels of the images it was trained on.
  let spacing: Double
  /// The fingerprint of its weights.
  let weights: UInt64

  /// - Parameter checkpoint: a path, or `demo`.
  init(checkpoint: String) throws(TrainingError) {
    let path = checkpoint == "demo" ? EmbeddedWeights.demoPrior.rawValue : checkpoint
    do {
      network = try SAMMed3D(file: path)
      weights = try WeightFile(path).weightsHash
      let description = try PriorDescription(of: path)
      (title, spacing) = (description?.title ?? Self.publishedTitle, description?.spacing ?? 1.5)
    } catch {
      throw TrainingError("prior.checkpoint: \(error)")
    }
  }
}
