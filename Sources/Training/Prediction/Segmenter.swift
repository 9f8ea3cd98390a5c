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
  /// The labels of each region that the network scores; nil: it scores classes.
  let regions: [[Int]]?
  public let overlap: Double
  public let weighting: WindowWeighting

  public init(
    network: any Network, patch: Extent, classes: Int, regions: [[Int]]? = nil, overlap: Double, weighting: WindowWeighting
  ) {
    self.regions = regions
    self.network = network
    self.patch = patch
    self.classes = classes
    self.overlap = overlap
    self.weighting = weighting
  }

  /// - Returns: probabilities [D, H, W, K] at the prepared extent; where the network scores regions, 1 for the class that they paint.
  public func probabilities(of volume: PackedCase) -> [Float] {
    if let regions { return painted(volume, regions) }
    return average(volume, values: classes) { x in
      let tape = Tape(recording: false)
      return tape.softmax(network.logits(x, mode: .evaluation, on: tape)).values
    }
  }

  /// Each region whose probability is above ½ paints its first label over those before it.
  private func painted(_ volume: PackedCase, _ regions: [[Int]]) -> [Float] {
    let scores = average(volume, values: regions.count) { x in
      let tape = Tape(recording: false)
      return tape.sigmoid(network.logits(x, mode: .evaluation, on: tape)).values
    }
    var classScores = [Float](repeating: 0, count: volume.extent.count * classes)
    for voxel in 0..<volume.extent.count {
      let last = regions.indices.last { scores[voxel * regions.count + $0] > 0.5 }
      classScores[voxel * classes + (last.map { regions[$0][0] } ?? 0)] = 1
    }
    return classScores
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
