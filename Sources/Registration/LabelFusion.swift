// Labels of several volumes carried to one, each believed as far as its image looks alike there: locally weighted voting (Artaechevarria et al.,
// "Combination strategies in multi-atlas image segmentation", IEEE Transactions on Medical Imaging 2009).

import Kernels
import Volumes

/// One distribution over the classes for each voxel, as its most probable class and that class's probability.
public struct FusedLabels: Sendable, Equatable {
  /// [D, H, W].
  public var labels: [UInt8]
  /// The probability of the label times 255, rounded; [D, H, W].
  public var certainty: [UInt8]

  /// Class 0 with certainty 0.
  init(voxels: Int) {
    (labels, certainty) = ([UInt8](repeating: 0, count: voxels), [UInt8](repeating: 0, count: voxels))
  }
}

struct LabelFusion {
  /// Voxels that are in memory as distributions at a time.
  static let voxels = 1 << 18

  let classes: Int

  /// The labels of atlases at the voxels of the fixed volume that all the maps start from.
  func fused(_ votes: [(atlas: Atlas, map: SpatialMap)], at fixed: Frame) -> FusedLabels {
    let plane = fixed.extent.height * fixed.extent.width, planes = max(1, Self.voxels / plane)
    var result = FusedLabels(voxels: fixed.extent.count), sums = [Float](repeating: 0, count: planes * plane * classes)
    for first in stride(from: 0, to: fixed.extent.depth, by: planes) {
      let part = first..<min(first + planes, fixed.extent.depth)
      sums.withUnsafeMutableBufferPointer { sums in
        sums.update(repeating: 0)
        for (atlas, map) in votes {
          let places = map.places(fixed, atlas.image.frame, planes: part), agreement = map.agreement(fixed, planes: part)
          add(atlas.labels, atlas.image.frame.extent, at: places, agreement, trust: trust(map.similarity), to: sums.baseAddress!)
        }
        for voxel in 0..<part.count * plane { take(sums.baseAddress! + voxel * classes, into: &result, first * plane + voxel) }
      }
    }
    return result
  }

  /// The weight of a vote, from the squared correlation r² of what the atlas shows: 1 / (1 - r² + 0.1)², the share of the variance that it leaves
  /// unexplained, and a tenth for noise.
  private func trust(_ correlation: Double) -> Float { Float(1 / ((1.1 - correlation) * (1.1 - correlation))) }

  /// Adds the weighted votes of an atlas at places between its voxels, linear; beyond it lies class 0.
  private func add(
    _ labels: [UInt8], _ extent: Extent, at places: Grid, _ agreement: Grid, trust global: Float,
    to sums: UnsafeMutablePointer<Float>
  ) {
    let last = SIMD3(Float(extent.depth - 1), Float(extent.height - 1), Float(extent.width - 1))
    labels.withUnsafeBufferPointer { labels in
      parallelFor(places.extent.count, grain: 1 << 12) { start, end in
        for voxel in start..<end {
          let p = places.values + voxel * 4, place = SIMD3(p[0], p[1], p[2]), to = sums + voxel * classes
          // Where the image is flat nothing looks alike, and the whole of it decides.
          let weight = global * trust(Double(agreement.values[voxel * 4]))
          guard all(place .>= -0.5) && all(place .<= last + 0.5) else {
            to[0] += weight
            continue
          }
          let inside = place.clamped(lowerBound: .zero, upperBound: last), low = inside.rounded(.down), share = inside - low
          for corner in 0..<8 {
            var factor = weight, index = 0
            for axis in 0..<3 {
              let isFar = corner >> axis & 1 == 1
              factor *= isFar ? share[axis] : 1 - share[axis]
              index = index * extent[axis] + min(Int(low[axis]) + (isFar ? 1 : 0), extent[axis] - 1)
            }
            // A label that is no class does not vote.
            if Int(labels[index]) < classes { to[Int(labels[index])] += factor }
          }
        }
      }
    }
  }

  private func take(_ sums: UnsafePointer<Float>, into result: inout FusedLabels, _ voxel: Int) {
    var best = 0, total = sums[0]
    for k in 1..<classes {
      total += sums[k]
      if sums[k] > sums[best] { best = k }
    }
    result.labels[voxel] = UInt8(best)
    result.certainty[voxel] = total > 0 ? UInt8((min(sums[best] / total, 1) * 255).rounded()) : 0
  }
}
