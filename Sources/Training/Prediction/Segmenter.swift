// A trained network applied to a whole prepared volume: sliding window, softmax in each window, weighted average.

import Cluster
import Methods
import Networks
import Preparation
import Tensors
import Volumes

/// Predicts class probabilities of whole volumes.
public struct Segmenter {
  public let network: any Network
  public let patch: Extent
  public let classes: Int
  public let overlap: Double
  public let weighting: WindowWeighting

  public init(network: any Network, patch: Extent, classes: Int, overlap: Double, weighting: WindowWeighting) {
    self.network = network
    self.patch = patch
    self.classes = classes
    self.overlap = overlap
    self.weighting = weighting
  }

  /// - Returns: probabilities [D, H, W, K] at the prepared extent.
  public func probabilities(of volume: PackedCase) -> [Float] {
    average(volume, values: classes) { x in
      let tape = Tape(recording: false)
      return tape.softmax(network.logits(x, mode: .evaluation, on: tape)).values
    }
  }

  /// The weighted average of what `window` makes of each patch. Shapes: [1, D, H, W, C] to D·H·W·V values, result [D, H, W, V].
  func average(_ volume: PackedCase, values: Int, window: (Tensor) -> [Float]) -> [Float] {
    let cover = SlidingWindow(volume: volume.extent, patch: patch, step: .relative(1 - overlap), weighting: weighting)
    let shape = Shape([1, patch.depth, patch.height, patch.width, volume.channels])
    return cover.predict(image: volume.image, channels: volume.channels, classes: values) {
      Flight.tick()
      return window(Tensor($0, shape: shape))
    }
  }

  /// The class with the highest score at each voxel [D, H, W].
  public func labels(of volume: PackedCase) -> [UInt8] {
    argmaxLabels(probabilities(of: volume), classes: classes)
  }
}
