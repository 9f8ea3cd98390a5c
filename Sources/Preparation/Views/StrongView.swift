// The strongly augmented view: intensities alone are changed, so that voxels keep their place and their label. The transforms and their ranges are those
// of nnU-Net's training (nnunetv2, training/nnUNetTrainer/nnUNetTrainer.py); each is applied with probability 0.8, which is our choice.
// Axes: D H W voxels, C channels.

import Foundation
import Tensors
import Volumes

extension View {
  /// The crop under random brightness, contrast, gamma, blur and noise, drawn for each channel.
  public static let strong = View("strong") { source in
    let shape = source.image.shape, sides = shape.spatial, channels = shape.channels, key = source.key(fnv1a64("strong view"))
    let extent = Extent(sides[0], sides[1], sides[2])
    var image = source.image.values
    for channel in 0..<channels {
      var values = stride(from: channel, to: image.count, by: channels).map { image[$0] }
      distort(&values, extent, key.child(UInt64(channel)))
      for (voxel, value) in values.enumerated() { image[voxel * channels + channel] = value }
    }
    return Tensor(image, shape: shape)
  }
}

/// Changes the intensities of one channel [D, H, W].
private func distort(_ values: inout [Float], _ extent: Extent, _ key: RandomKey) {
  func isDrawn(_ transform: UInt64) -> Bool { key.uniform(2 * transform) < 0.8 }
  func draw(_ transform: UInt64, _ range: ClosedRange<Double>) -> Double {
    range.lowerBound + (range.upperBound - range.lowerBound) * key.uniform(2 * transform + 1)
  }
  if isDrawn(0) { scale(&values, around: 0, by: Float(draw(0, 0.75...1.25))) }
  if isDrawn(1) {
    let mean = values.reduce(0, +) / Float(values.count), range = (values.min() ?? 0, values.max() ?? 0)
    scale(&values, around: mean, by: Float(draw(1, 0.75...1.25)))
    for index in values.indices { values[index] = min(max(values[index], range.0), range.1) }
  }
  if isDrawn(2) { applyGamma(&values, draw(2, 0.7...1.5)) }
  if isDrawn(3) { blur(&values, extent: extent, standardDeviation: [Double](repeating: draw(3, 0.5...1), count: 3)) }
  if isDrawn(4) {
    let standardDeviation = draw(4, 0...0.3), noise = key.child(4)
    for index in values.indices { values[index] += Float(standardDeviation * noise.gaussian(UInt64(index))) }
  }
}

private func scale(_ values: inout [Float], around centre: Float, by factor: Float) {
  for index in values.indices { values[index] = centre + (values[index] - centre) * factor }
}

/// Raises the intensities, as shares of their range, to a power.
private func applyGamma(_ values: inout [Float], _ gamma: Double) {
  guard let low = values.min(), let high = values.max(), high > low else { return }
  for index in values.indices {
    values[index] = low + (high - low) * Float(pow(Double((values[index] - low) / (high - low)), gamma))
  }
}
