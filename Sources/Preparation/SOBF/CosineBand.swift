// Smooth random fields from a band of cosine waves that are orthonormal on the voxel grid (shared spec relif.md 2.4).
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
    let coefficients = drawCoefficients(waves, key: key)
    let rows = synthesise(coefficients, waves[2], outer: waves[0].indices * waves[1].indices)  // [N, P, W]
    let planes = synthesiseHeight(rows, waves, width: extent.width)  // [H, N, W]
    return synthesiseDepth(planes, waves[0], extent)
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

  /// [outer, Q] amplitudes to [outer, W] values.
  private func synthesise(_ amplitudes: [Double], _ waves: CosineWaves, outer: Int) -> [Double] {
    var values = [Double](repeating: 0, count: outer * waves.count)
    for line in 0..<outer {
      for q in 0..<waves.indices {
        accumulate(waves.table, q * waves.count, amplitudes[line * waves.indices + q], &values, line * waves.count, waves.count)
      }
    }
    return values
  }

  /// [N, P, W] to [H, N, W]: the order in which the last step reads them.
  private func synthesiseHeight(_ rows: [Double], _ waves: [CosineWaves], width: Int) -> [Double] {
    let (depthWaves, heightWaves) = (waves[0].indices, waves[1])
    var planes = [Double](repeating: 0, count: heightWaves.count * depthWaves * width)
    for h in 0..<heightWaves.count {
      for n in 0..<depthWaves {
        for p in 0..<heightWaves.indices {
          accumulate(
            rows, (n * heightWaves.indices + p) * width, heightWaves.table[p * heightWaves.count + h], &planes,
            (h * depthWaves + n) * width, width)
        }
      }
    }
    return planes
  }

  /// [H, N, W] to the field [D, H, W].
  private func synthesiseDepth(_ planes: [Double], _ waves: CosineWaves, _ extent: Extent) -> [Float] {
    var field = [Float](repeating: 0, count: extent.count)
    var row = [Double](repeating: 0, count: extent.width)
    for h in 0..<extent.height {
      for d in 0..<extent.depth {
        for w in 0..<extent.width { row[w] = 0 }
        for n in 0..<waves.indices {
          accumulate(planes, (h * waves.indices + n) * extent.width, waves.table[n * waves.count + d], &row, 0, extent.width)
        }
        let start = extent.index(d, h, 0)
        for w in 0..<extent.width { field[start + w] = Float(row[w]) }
      }
    }
    return field
  }

  private func accumulate(
    _ source: [Double], _ sourceStart: Int, _ factor: Double, _ target: inout [Double], _ targetStart: Int, _ count: Int
  ) {
    source.withUnsafeBufferPointer { source in
      target.withUnsafeMutableBufferPointer { target in
        for index in 0..<count { target[targetStart + index] += factor * source[sourceStart + index] }
      }
    }
  }
}

/// The orthonormal cosines of one axis, up to the index that a band can reach.
struct CosineWaves {
  /// Voxels along the axis.
  let count: Int
  /// Indices 0..<indices are tabulated.
  let indices: Int
  private let scale: Double
  /// [index, voxel].
  let table: [Double]

  init(count: Int, longest: Int, limit: Double) {
    self.count = count
    scale = Double(longest) / Double(count)
    indices = min(count, Int(limit / scale) + 1)
    var table: [Double] = []
    for wave in 0..<indices {
      let amplitude = (Double(wave == 0 ? 1 : 2) / Double(count)).squareRoot()
      for voxel in 0..<count {
        table.append(amplitude * cos(Double.pi * (Double(voxel) + 0.5) * Double(wave) / Double(count)))
      }
    }
    self.table = table
  }

  /// The index, counted on the longest axis.
  func norm(_ index: Int) -> Double { Double(index) * scale }
}
