// What networks with a head on every decoder stage share.

import Learning
import Tensors

/// A network of several decoder stages, each of which has a head.
protocol HeadedNetwork: Network {
  /// Returns the logits of the decoder stages that `heads` names, lowest resolution first, and the features of `layers`.
  func decoded(
    _ x: Tensor, heads: [Int], keeping layers: [FeatureLayer], _ tape: Tape
  ) -> (logits: [Tensor], features: [Tensor])
}

extension HeadedNetwork {
  public func forward(
    _ x: Tensor, keeping layers: [FeatureLayer], mode: ForwardMode, on tape: Tape
  ) -> (logits: Tensor, features: [Tensor]) {
    let (logits, features) = decoded(x, heads: [headCount - 1], keeping: layers, tape)
    return (logits[0], features)
  }

  public func allLogits(_ x: Tensor, mode: ForwardMode, on tape: Tape) -> [Tensor] {
    decoded(x, heads: Array(0..<headCount), keeping: [], tape).logits.reversed()
  }
}

extension [[Int]] {
  /// The voxels of the image in one voxel of a stage, along D, H, W, where this array holds the strides of each step down.
  func voxels(ofStage stage: Int) -> [Int] { self[..<stage].reduce([1, 1, 1]) { zip($0, $1).map { $0 * $1 } } }
}
