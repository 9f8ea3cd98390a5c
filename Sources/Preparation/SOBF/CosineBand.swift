// Smooth random fields from a band of cosine waves that are orthonormal on the voxel grid.
// Disjoint bands give orthogonal fields, and a band without index 0 gives mean zero, by construction.
// Axes: D depth, H height, W width; row-major, W fastest. N, P, Q are wave indices along D, H, W.

import Foundation
import Tensors
import Volumes

/// The waves whose index norm r lies in `above` < r <= `upTo`; amplitudes fall as 1 / (1 + (r / knee)²).
struct CosineBand {
  var above: Double
  var upTo: Double
  var knee: Double

  /// The field [D, H, W]. On a grid with unequal axes an index counts by its wavelength in voxels, not by its number.
  func field(_ extent: Extent, key: RandomKey) -> [Float] {
    let waves = (0..<3).map { axis in CosineWaves(count: extent[axis], longest: longest(extent), limit: upTo) }
    return SeparableSum(extent: extent, bases: waves.map(\.functions)).field(drawCoefficients(waves, key: key))
  }

  private func longest(_ extent: Extent) -> Int { max(extent.depth, extent.height, extent.width) }

  /// Gaussian amplitudes [N, P, Q], zero outside the band.
  private func drawCoefficients(_ waves: [CosineWaves], key: RandomKey) -> [Double] {
    var coefficients: [Double] = []
    var drawn: UInt64 = 0
    for n in 0..<waves[0].indices {
      for p in 0..<waves[1].indices {
        for q in 0..<waves[2].indices {
          let (x, y, z) = (waves[0].norm(n), waves[1].norm(p), waves[2].norm(q))
          let radius = (x * x + y * y + z * z).squareRoot()
          let inside = radius > above && radius <= upTo
          coefficients.append(inside ? key.gaussian(drawn) / (1 + (radius / knee) * (radius / knee)) : 0)
          drawn += 1
        }
      }
    }
    return coefficients
  }
}

/// The orthonormal cosines of one axis, up to the index that a band can reach.
private struct CosineWaves {
  let functions: AxisFunctions
  private let scale: Double
  var indices: Int { functions.indices }

  /// - Parameters: voxels along this axis and along the longest, and the greatest index on the longest.
  init(count: Int, longest: Int, limit: Double) {
    scale = Double(longest) / Double(count)
    let indices = min(count, Int(limit / scale) + 1)
    functions = AxisFunctions(
      (0..<indices).map { wave in
        let amplitude = (Double(wave == 0 ? 1 : 2) / Double(count)).squareRoot()
        return (0..<count).map { amplitude * cos(Double.pi * (Double($0) + 0.5) * Double(wave) / Double(count)) }
      })
  }

  /// The index, counted on the longest axis.
  func norm(_ index: Int) -> Double { Double(index) * scale }
}
