// The network behind a prior, from the file that a run names.

import Networks
import Tensors
import Weights

/// A frozen promptable network and what is known of its training.
struct PriorNetwork {
  let network: SAMMed3D
  /// For the console and reports.
  let title: String
  /// mm between the voxels of the images it was trained on.
  let spacing: Double
  /// The fingerprint of its weights.
  let weights: UInt64

  /// - Parameter checkpoint: a path, or `demo`.
  init(checkpoint: String) throws(TrainingError) {
    let path = try Self.path(of: checkpoint)
    do {
      network = try SAMMed3D(file: path)
      weights = try WeightFile(path).weightsHash
    } catch {
      throw TrainingError("prior.checkpoint: \(error)")
    }
    (title, spacing) = ("SAM-Med3D", 1.5)
  }

  /// The file of a checkpoint.
  private static func path(of checkpoint: String) throws(TrainingError) -> String {
    guard checkpoint != "demo" else {
      throw TrainingError("prior.checkpoint: this build has no demo prior: give the path of SAM-Med3D's weights, sam_med3d.pth.")
    }
    return checkpoint
  }
}
