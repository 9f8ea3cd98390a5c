// A trained network applied to a whole prepared volume: sliding window, softmax in each window, weighted average.

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
    let window = SlidingWindow(volume: volume.extent, patch: patch, step: .relative(1 - overlap), weighting: weighting)
    let shape = Shape([1, patch.depth, patch.height, patch.width, volume.channels])
    return window.predict(image: volume.image, channels: volume.channels, classes: classes) { values in
      let tape = Tape(recording: false)
      return tape.softmax(network.logits(Tensor(values, shape: shape), mode: .evaluation, on: tape)).values
    }
  }

  /// The strongest class of each voxel [D, H, W].
  public func labels(of volume: PackedCase) -> [UInt8] {
    strongestClass(probabilities(of: volume), classes: classes)
  }
}
