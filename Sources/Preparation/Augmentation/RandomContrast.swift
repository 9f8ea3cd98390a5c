// A random contrast of a crop, as if another sequence or phase had been taken of it: a smooth curve of intensities that may rise and fall, so that tissues
// change their order. After the non-linear transformation of Models Genesis (Zhou et al., doi:10.1016/j.media.2020.101840), whose curves only rise or
// only fall. Axes: D depth, H height, W width, C channels; row-major, C fastest.

import Kernels
import Tensors

/// A curve through random values at knots that lie evenly between two intensities.
package struct RandomContrast: Equatable {
  /// Shares of the range, 0...1. The first is 0: air gives no signal in any sequence.
  package let values: [Float]

  private static let knots = 6
  /// Standard deviations from the mean within which the knots lie, so that single bright voxels do not push them away from the tissues.
  private static let reach = 3.0

  package init(_ key: RandomKey) {
    values = (0..<Self.knots).map { $0 == 0 ? 0 : Float(key.uniform(UInt64($0))) }
  }

  /// Changes n values, whose mean and standard deviation stay.
  package func apply(_ x: UnsafeMutablePointer<Float>, count: Int) {
    let least = 1e-7, before = IntensityStatistics(x, count: count), reach = Self.reach * before.standardDeviation
    let lowest = max(Double(before.lowest), before.mean - reach), highest = min(Double(before.highest), before.mean + reach)
    guard highest - lowest > least else { return }
    applyCurve(x, through: values, from: Float(lowest), to: Float(highest), count: count)
    let after = IntensityStatistics(x, count: count), factor = before.standardDeviation / max(after.standardDeviation, least)
    applyLine(
      x, factor: Float(factor), addend: Float(before.mean - factor * after.mean), within: (-.infinity, .infinity), count: count)
  }

  /// An image [D, H, W, C] with each channel in a contrast of its own.
  package static func apply(_ image: inout [Float], channels: Int, key: RandomKey) {
    let count = image.count / channels
    withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { memory in
      let values = memory.baseAddress!
      for channel in 0..<channels {
        for voxel in 0..<count { (values + voxel).initialize(to: image[voxel * channels + channel]) }
        RandomContrast(key.child(UInt64(channel))).apply(values, count: count)
        for voxel in 0..<count { image[voxel * channels + channel] = values[voxel] }
      }
    }
  }
}
