// Seg-Grad-CAM (Vinogradova et al., arXiv:2002.11434): which places of a layer made the network see a class, for whole volumes by
// sliding windows. Axes: D H W voxels of the image, d h w of the layer, C channels of the layer, K classes.

import Learning
import Networks
import Preparation
import Tensors
import Volumes

/// How the gradient of the score by a layer weighs its features.
public enum ActivationKind: String, CaseIterable, Sendable {
  /// Each channel by its mean gradient over the grid.
  case gradcam
  /// Each value by its own gradient.
  case hirescam
}

/// The mean gradient of each channel over the grid. Shapes: [1, d, h, w, C] to [C].
public func channelWeights(_ gradient: Tensor) -> [Double] {
  let channels = gradient.shape.channels, rows = gradient.shape.rows
  var sums = [Double](repeating: 0, count: channels)
  withExtendedLifetime(gradient) {
    for row in 0..<rows { for c in 0..<channels { sums[c] += Double(gradient.pointer[row * channels + c]) } }
  }
  return sums.map { $0 / Double(rows) }
}

/// The positive part of the weighted sum of a layer's channels. Shapes: both [1, d, h, w, C], result [d, h, w].
public func activationMap(features: Tensor, gradient: Tensor, kind: ActivationKind) -> [Float] {
  let channels = features.shape.channels, weights = channelWeights(gradient).map { Float($0) }
  return withExtendedLifetime((features, gradient)) {
    (0..<features.shape.rows).map { row in
      let (a, g) = (features.pointer + row * channels, gradient.pointer + row * channels)
      var sum: Float = 0
      switch kind {
      case .gradcam: for c in 0..<channels { sum += weights[c] * a[c] }
      case .hirescam: for c in 0..<channels { sum += g[c] * a[c] }
      }
      return max(0, sum)
    }
  }
}

/// Explains one class of a network.
public struct ActivationMapper {
  public let segmenter: Segmenter
  public let layer: FeatureLayer
  /// The class whose logits are summed over the voxels predicted as it.
  public let label: Int
  public let kind: ActivationKind

  /// Errors: a layer or a class that the network does not have.
  public init(segmenter: Segmenter, layer: FeatureLayer, label: Int, kind: ActivationKind) throws(TrainingError) {
    if let problem = segmenter.network.featureProblem(layer) { throw TrainingError("--layer: \(problem)") }
    if segmenter.regions != nil {
      throw TrainingError(
        "this network scores regions that overlap, and only classes can be explained: take a model without method.regions.")
    }
    guard (1..<segmenter.classes).contains(label) else {
      throw TrainingError("--class \(label) is no class of the network: choose one from 1 to \(segmenter.classes - 1).")
    }
    (self.segmenter, self.layer, self.label, self.kind) = (segmenter, layer, label, kind)
  }

  /// The map of a volume, from 0 to 1, and the predicted classes; both [D, H, W] at the prepared extent. The network's gradients
  /// are used up.
  public func map(of volume: PackedCase) -> (map: [Float], prediction: [UInt8]) {
    let classes = segmenter.classes
    // The map goes through the sliding window as one more class.
    let scores = segmenter.average(volume, values: classes + 1) { windowScores($0) }
    var map = [Float](repeating: 0, count: volume.extent.count), logits: [Float] = []
    logits.reserveCapacity(volume.extent.count * classes)
    for voxel in map.indices {
      let first = voxel * (classes + 1)
      logits += scores[first..<first + classes]
      map[voxel] = scores[first + classes]
    }
    let low = map.min() ?? 0, scale = 1 / ((map.max() ?? 0) - low + 1e-8)
    return (map.map { ($0 - low) * scale }, argmaxLabels(logits, classes: classes))
  }

  /// Logits and activation [D, H, W, K + 1] of one window x [1, D, H, W, C].
  private func windowScores(_ x: Tensor) -> [Float] {
    let tape = Tape(memory: .lean), classes = segmenter.classes
    let (logits, features) = segmenter.network.forward(x, keeping: [layer], mode: .evaluation, on: tape)
    let values = logits.values, predicted = argmaxLabels(values, classes: classes)
    let voxels = predicted.indices.filter { predicted[$0] == UInt8(label) }
    let activation = voxels.isEmpty ? [Float](repeating: 0, count: predicted.count) : explained(voxels, logits, features[0], tape)
    var scores: [Float] = []
    scores.reserveCapacity(predicted.count * (classes + 1))
    for voxel in predicted.indices {
      scores += values[voxel * classes..<(voxel + 1) * classes]
      scores.append(activation[voxel])
    }
    return scores
  }

  /// The activation of a window on the image's grid.
  private func explained(_ voxels: [Int], _ logits: Tensor, _ features: Tensor, _ tape: Tape) -> [Float] {
    tape.backward(from: [(tape.classScore(logits, label: label, voxels: voxels), 1)], to: features)
    guard let gradient = tape.gradient(of: features) else { fatalError("activation map: the logits do not depend on \(layer)") }
    let grid = features.shape.spatial
    return resampleLinearly(
      activationMap(features: features, gradient: gradient, kind: kind), from: Extent(grid[0], grid[1], grid[2]),
      to: segmenter.patch)
  }
}
