// Separable Gaussian blur of an array [D, H, W] with repeated borders.

import Foundation
import Volumes

/// Blurs in place; `standardDeviation` is in voxels along D, H, W, and 0 leaves an axis as it is.
func blur(_ voxels: inout [Float], extent: Extent, standardDeviation: [Double]) {
  for axis in 0..<3 where standardDeviation[axis] > 0 {
    let radius = Int((3 * standardDeviation[axis]).rounded(.up))
    let weights = (-radius...radius).map { exp(-0.5 * pow(Double($0) / standardDeviation[axis], 2)) }
    let total = weights.reduce(0, +)
    blur(&voxels, extent, along: axis, kernel: weights.map { Float($0 / total) })
  }
}

private func blur(_ voxels: inout [Float], _ extent: Extent, along axis: Int, kernel: [Float]) {
  let inner = (axis + 1..<3).reduce(1) { $0 * extent[$1] }
  let count = extent[axis]
  let radius = kernel.count / 2
  let source = voxels
  voxels.withUnsafeMutableBufferPointer { target in
    source.withUnsafeBufferPointer { source in
      for outer in 0..<extent.count / inner / count {
        for index in 0..<count {
          let out = (outer * count + index) * inner
          for i in 0..<inner { target[out + i] = 0 }
          for (tap, weight) in kernel.enumerated() {
            let from = (outer * count + max(0, min(count - 1, index + tap - radius))) * inner
            for i in 0..<inner { target[out + i] += weight * source[from + i] }
          }
        }
      }
    }
  }
}
