// Changes of the intensities of one channel of a patch, as nnU-Net's training makes them (MIC-DKFZ/batchgeneratorsv2 0.3.6,
// transforms/intensity and transforms/noise, transforms/spatial/low_resolution.py). Each is a function of the numbers it is given.
// Axes: D depth, H height, W width.

import Foundation
import Kernels
import Volumes

/// One channel [D, H, W] while it is changed, and memory of the same size.
package struct PatchChannel {
  package private(set) var values: UnsafeMutablePointer<Float>
  private(set) var spare: UnsafeMutablePointer<Float>
  private let extent: Extent
  private var count: Int { extent.count }

  package init(_ values: UnsafeMutablePointer<Float>, spare: UnsafeMutablePointer<Float>, extent: Extent) {
    (self.values, self.spare, self.extent) = (values, spare, extent)
  }

  package mutating func addNoise(standardDeviation: Double, key: UInt64) {
    Kernels.addNoise(
      values, into: values, standardDeviation: Float(standardDeviation), limit: .infinity, key: key, count: count)
  }

  package mutating func multiply(by factor: Double) { scale(values, by: Float(factor), into: values, count: count) }

  /// Draws values away from their mean or towards it, within their range.
  package mutating func changeContrast(by factor: Double) {
    let before = IntensityStatistics(values, count: count)
    applyLine(
      values, factor: Float(factor), addend: Float(before.mean * (1 - factor)), within: (before.lowest, before.highest),
      count: count)
  }

  /// Raises the values, as shares of their range, to a power, and restores their mean and standard deviation.
  /// - Parameter inverted: of the negative image.
  package mutating func applyGamma(_ gamma: Double, inverted: Bool) {
    let least = 1e-7, before = IntensityStatistics(values, count: count)
    let range = max(Double(before.highest) - Double(before.lowest), least), sign = inverted ? -1.0 : 1.0
    let lowest = inverted ? -Double(before.highest) : Double(before.lowest)
    applyPower(values, factor: Float(sign / range), addend: Float(-lowest / range), exponent: Float(gamma), count: count)
    let after = IntensityStatistics(values, count: count)
    let factor = sign * range * before.standardDeviation / max(range * after.standardDeviation, least)
    applyLine(
      values, factor: Float(factor), addend: Float(before.mean - factor * after.mean), within: (-.infinity, .infinity),
      count: count)
  }

  /// Gaussian blur with a standard deviation (voxels) for each axis, cut off at about three of them; the border is mirrored without repeating it.
  package mutating func blur(_ standardDeviations: [Double]) {
    map((0..<3).map { AxisWeights.blurred(extent[$0], standardDeviation: standardDeviations[$0]) })
  }

  /// Takes the voxels nearest to a coarser grid and interpolates back between them.
  /// - Parameter zoom: the coarse grid's share of the sides; the depth keeps its own where `keepsDepth`.
  package mutating func lowerResolution(_ zoom: Double, keepsDepth: Bool) {
    map(
      (0..<3).map { axis in
        let size = extent[axis], coarse = Int((Double(size) * zoom).rounded(.toNearestOrEven))
        return AxisWeights.lowered(size, by: axis == 0 && keepsDepth ? size : max(1, coarse))
      })
  }

  private mutating func map(_ axes: [AxisWeights]) {
    mapAxes(values, channels: 1, through: axes, into: spare)
    swap(&values, &spare)
  }
}

extension AxisWeights {
  fileprivate static func blurred(_ size: Int, standardDeviation: Double) -> AxisWeights {
    // The odd number nearest to six standard deviations and a half.
    let radius = Int((6 * standardDeviation + 0.5) / 2)
    let kernel = (-radius...radius).map { exp(-0.5 * pow(Double($0) / standardDeviation, 2)) }, sum = kernel.reduce(0, +)
    var axis = AxisWeights(inputs: size)
    for output in 0..<size {
      var weights = [Int: Double]()
      for (tap, weight) in kernel.enumerated() { weights[mirrored(output + tap - radius, size), default: 0] += weight / sum }
      axis.append(weights)
    }
    return axis
  }

  fileprivate static func lowered(_ size: Int, by coarse: Int) -> AxisWeights {
    var axis = AxisWeights(inputs: size)
    for output in 0..<size {
      let place = (Double(output) + 0.5) * Double(coarse) / Double(size) - 0.5
      let position = min(max(place, 0), Double(coarse - 1)), first = Int(position), share = position - Double(first)
      var weights = [Int: Double]()
      for (cell, weight) in [(first, 1 - share), (first + 1, share)] where weight > 0 {
        weights[(2 * cell + 1) * size / (2 * coarse), default: 0] += weight
      }
      axis.append(weights)
    }
    return axis
  }

  private mutating func append(_ weights: [Int: Double]) {
    let first = weights.keys.min()!
    append(first: first, (first...weights.keys.max()!).map { Float(weights[$0] ?? 0) })
  }
}

/// The place of an index beyond the ends of an axis, mirrored at its first and last voxel.
private func mirrored(_ index: Int, _ size: Int) -> Int {
  guard size > 1 else { return 0 }
  let period = 2 * (size - 1), rest = ((index % period) + period) % period
  return min(rest, period - rest)
}
