// How alike two images on one grid are around each voxel: the correlation of their intensities in a Gaussian window, which neither
// brightness, contrast nor a bias field changes; and where one should be read to be more like the other (Avants et al., "Symmetric
// diffeomorphic image registration with cross-correlation", Medical Image Analysis 2008).

import Kernels
import Volumes

struct LocalCorrelation {
  /// Below it a window is as good as constant; images have variance 1.
  private static let leastVariance: Float = 1e-4

  let still: Grid
  let moved: Grid
  let channels: Int
  /// Of the Gaussian window, voxels.
  let sigma: Double

  /// Means of both images, their squares and their product in the windows: 5 lanes.
  private func means(_ channel: Int) -> Grid {
    let products = Grid(still.extent, lanes: 5)
    parallelFor(still.extent.count, grain: 1 << 12) { start, end in
      for voxel in start..<end {
        let (a, b) = (still.values[voxel * 4 + channel], moved.values[voxel * 4 + channel]), to = products.values + voxel * 5
        to[0] = a
        to[1] = b
        to[2] = a * a
        to[3] = b * b
        to[4] = a * b
      }
    }
    return products.smoothed(sigma)
  }

  /// Half the derivative of the squared correlation of each window by displacements of its middle, summed over the channels: [D, H, W, 4].
  func ascent() -> Grid {
    let result = Grid.zeros(still.extent, lanes: 4)
    for channel in 0..<channels {
      let means = means(channel), slopes = moved.withSlopes(lane: channel)
      parallelFor(still.extent.count, grain: 1 << 12) { start, end in
        for voxel in start..<end {
          let m = means.values + voxel * 5, g = slopes.values + voxel * 4, to = result.values + voxel * 4
          let varA = m[2] - m[0] * m[0], varB = m[3] - m[1] * m[1]
          guard varA > Self.leastVariance, varB > Self.leastVariance else { continue }
          let a = still.values[voxel * 4 + channel] - m[0], b = moved.values[voxel * 4 + channel] - m[1]
          let factor = (m[4] - m[0] * m[1]) / varB, size = factor * (a - factor * b) / varA
          for axis in 0..<3 { to[axis] += size * g[axis + 1] }
        }
      }
    }
    return result
  }

  /// The squared correlation around each voxel, the mean of the channels, in lane 0; the variance of `still` in lane 1.
  func squared() -> Grid {
    let result = Grid.zeros(still.extent, lanes: 4)
    for channel in 0..<channels {
      let means = means(channel)
      parallelFor(still.extent.count, grain: 1 << 12) { start, end in
        for voxel in start..<end {
          let m = means.values + voxel * 5, to = result.values + voxel * 4
          let varA = m[2] - m[0] * m[0], varB = m[3] - m[1] * m[1], covariance = m[4] - m[0] * m[1]
          guard varA > Self.leastVariance, varB > Self.leastVariance else { continue }
          to[0] += covariance * covariance / (varA * varB) / Float(channels)
          to[1] += varA
        }
      }
    }
    return result
  }
}
