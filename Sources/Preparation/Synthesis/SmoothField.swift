// Smooth random fields: cubic B-splines on a lattice of Gaussian numbers. They make velocities, bias fields and tissue texture.
// Arrays [D, H, W].

import Foundation
import Tensors
import Volumes

/// A field with mean 0 and variance about 1 at the voxels of a grid, row-major [D, H, W].
///
/// - Parameters:
///   - spacing: distance of voxels in millimetres.
///   - latticeSpacing: distance of the lattice points in millimetres: details are about this size.
package func smoothField(_ key: RandomKey, extent: Extent, spacing: Double, latticeSpacing: Double) -> [Float] {
  let axes = (0..<3).map { ControlPointAxis(count: extent[$0], step: spacing / latticeSpacing) }
  var lattice = Extent(axes[0].latticeCount, axes[1].latticeCount, axes[2].latticeCount)
  // Each axis multiplies the variance by the mean sum of squared spline weights, 151/315.
  let scale = Float(pow(151.0 / 315.0, -1.5))
  var values = (0..<lattice.count).map { Float(key.gaussian(UInt64($0))) * scale }
  for axis in 0..<3 {
    values = interpolate(values, lattice, along: axis, axes[axis])
    lattice[axis] = extent[axis]
  }
  return values
}

/// The first of the four lattice points that each voxel along one axis sees, and their weights.
private struct ControlPointAxis {
  var first: [Int] = []
  var weights: [SIMD4<Float>] = []
  var latticeCount: Int { first[first.count - 1] + 4 }

  init(count: Int, step: Double) {
    for index in 0..<count {
      let position = Double(index) * step
      let cell = position.rounded(.down)
      let t = Float(position - cell)
      let u = 1 - t
      first.append(Int(cell))
      weights.append(SIMD4(u * u * u, 3 * t * t * t - 6 * t * t + 4, 3 * u * u * u - 6 * u * u + 4, t * t * t) / 6)
    }
  }
}

private func interpolate(_ values: [Float], _ extent: Extent, along axis: Int, _ spline: ControlPointAxis) -> [Float] {
  let inner = (axis + 1..<3).reduce(1) { $0 * extent[$1] }
  let outer = extent.count / inner / extent[axis]
  let count = spline.first.count
  return [Float](unsafeUninitializedCapacity: outer * count * inner) { target, initialized in
    values.withUnsafeBufferPointer { source in
      for o in 0..<outer {
        for index in 0..<count {
          let start = (o * extent[axis] + spline.first[index]) * inner
          let weight = spline.weights[index]
          let out = (o * count + index) * inner
          for i in 0..<inner {
            let near = weight[0] * source[start + i] + weight[1] * source[start + inner + i]
            target[out + i] = near + weight[2] * source[start + 2 * inner + i] + weight[3] * source[start + 3 * inner + i]
          }
        }
      }
    }
    initialized = outer * count * inner
  }
}
