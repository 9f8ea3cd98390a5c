// A deformation of a grid together with its inverse. Displacements are grids of 4 lanes: along D, H, W in voxels, and 0.

import Kernels
import Volumes

package struct Diffeomorphism {
  /// x -> x + u(x).
  package private(set) var forward: Grid
  package private(set) var backward: Grid

  /// The identity.
  init(_ extent: Extent) { (forward, backward) = (Grid.zeros(extent, lanes: 4), Grid.zeros(extent, lanes: 4)) }

  private init(forward: Grid, backward: Grid) { (self.forward, self.backward) = (forward, backward) }

  /// Goes on by a small displacement u, so that x is moved to where x + u was, and is smoothed.
  /// - Parameter sigma: of the Gaussian, voxels.
  mutating func follow(_ step: Grid, smoothing sigma: Double) {
    forward = forward.sampled(step, keep: 1).smoothed(sigma)
    invert()
  }

  /// Brings the inverse nearer to the deformation's: y -> y - u(inverse(y)), which converges where u changes by less than a voxel per voxel.
  mutating func invert() { backward = forward.sampled(backward).scaled(by: -1) }

  /// The same deformation on a grid of other voxels over the same place.
  func onto(_ frame: Frame, from: Frame) -> Diffeomorphism {
    Diffeomorphism(forward: forward.onto(frame, from: from), backward: backward.onto(frame, from: from))
  }
}

extension Grid {
  func scaled(by factor: Float) -> Grid {
    let result = Grid(extent, lanes: lanes)
    Kernels.scale(values, by: factor, into: result.values, count: count)
    return result
  }

  /// The greatest displacement, voxels.
  package var greatestLength: Float {
    var greatest: Float = 0
    for voxel in 0..<extent.count {
      let u = values + voxel * 4
      greatest = max(greatest, u[0] * u[0] + u[1] * u[1] + u[2] * u[2])
    }
    return greatest.squareRoot()
  }

  /// Displacements on a grid of other voxels over the same place, in its voxels.
  fileprivate func onto(_ frame: Frame, from: Frame) -> Grid {
    let result = sampled(nil, map: AffineMap().voxels(from: frame, to: from), extent: frame.extent)
    return result.scaled(by: Float(from.spacing[0] / frame.spacing[0]))
  }

  /// Determinants of the Jacobian of x -> x + u(x), one for each voxel.
  func jacobianDeterminants() -> [Float] {
    let slopes = (0..<3).map { withSlopes(lane: $0) }
    return (0..<extent.count).map { voxel in
      let a = slopes[0].values + voxel * 4, b = slopes[1].values + voxel * 4, c = slopes[2].values + voxel * 4
      let (aa, bb, cc) = (1 + a[1], 1 + b[2], 1 + c[3])
      return aa * (bb * cc - b[3] * c[2]) - a[2] * (b[1] * cc - b[3] * c[1]) + a[3] * (b[1] * c[2] - bb * c[1])
    }
  }
}
