// A random anatomy: a random affine map after a diffeomorphism, the exponential of a smooth stationary velocity field by scaling and
// squaring (Arsigny et al., "A log-Euclidean framework for statistics on diffeomorphisms", MICCAI 2006). Points are (D, H, W) in mm.

import Foundation
import Tensors
import Volumes

/// Maps points of a subject to points of the template; both in millimetres from the first voxel of their region, order D, H, W.
package struct Deformation: Sendable {
  /// Displacements in millimetres at the nodes of a coarse grid, row-major [D, H, W].
  private var displacement: [SIMD3<Float>]
  private let nodes: Extent
  private let nodeSpacing: Float
  private let centre: SIMD3<Float>
  private let rows: (SIMD3<Float>, SIMD3<Float>, SIMD3<Float>)
  /// Millimetres along D, H, W.
  var translation: SIMD3<Float>

  /// A random deformation of a box of `size` millimetres. `scale` multiplies every length: 1 suits a human head or abdomen.
  ///
  /// Local volume changes have a standard deviation near 12 %, displacements near 3 mm; neighbouring voxels move together.
  package init(_ key: RandomKey, size: SIMD3<Float>, scale: Double) {
    nodeSpacing = Float(4 * scale)
    let counts = (0..<3).map { Int((size[$0] / Float(4 * scale)).rounded(.up)) + 2 }
    nodes = Extent(counts[0], counts[1], counts[2])
    displacement = Self.velocity(key.child(0), nodes, scale: scale)
    centre = size / 2
    let affine = key.child(1)
    func number(_ index: UInt64, standardDeviation: Double) -> Double {
      max(-2, min(2, affine.gaussian(index))) * standardDeviation
    }
    let angles = (0..<3).map { number(UInt64($0), standardDeviation: 0.06) }  // radians: 3.4 degrees
    let stretch = (0..<3).map { exp(number(3 + UInt64($0), standardDeviation: 0.04)) }
    rows = Self.matrix(angles: angles, stretch: stretch)
    let shift = (0..<3).map { Float(number(6 + UInt64($0), standardDeviation: 2 * scale)) }
    translation = SIMD3(shift[0], shift[1], shift[2])
    exponentiate()
  }

  /// Velocities in millimetres: slow changes over 40 mm and finer ones over 18 mm.
  private static func velocity(_ key: RandomKey, _ nodes: Extent, scale: Double) -> [SIMD3<Float>] {
    var result = [SIMD3<Float>](repeating: .zero, count: nodes.count)
    for component in 0..<3 {
      for (octave, (length, amplitude)) in [(40.0, 2.0), (18.0, 0.6)].enumerated() {
        let field = smoothField(
          key.child(UInt64(2 * component + octave)), extent: nodes, spacing: 4 * scale, latticeSpacing: length * scale)
        let factor = Float(amplitude * scale)
        for index in 0..<nodes.count { result[index][component] += factor * field[index] }
      }
    }
    return result
  }

  /// Rotations about the three axes after a stretch along each.
  private static func matrix(angles: [Double], stretch: [Double]) -> (SIMD3<Float>, SIMD3<Float>, SIMD3<Float>) {
    var rows: [SIMD3<Double>] = [SIMD3(stretch[0], 0, 0), SIMD3(0, stretch[1], 0), SIMD3(0, 0, stretch[2])]
    for (axis, angle) in angles.enumerated() {
      let (a, b) = ((axis + 1) % 3, (axis + 2) % 3)
      let (first, second) = (rows[a], rows[b])
      rows[a] = first * cos(angle) - second * sin(angle)
      rows[b] = first * sin(angle) + second * cos(angle)
    }
    return (SIMD3<Float>(rows[0]), SIMD3<Float>(rows[1]), SIMD3<Float>(rows[2]))
  }

  /// Turns velocities into displacements: divides by 64, then composes the map with itself six times.
  private mutating func exponentiate() {
    for index in 0..<nodes.count { displacement[index] /= 64 }
    for _ in 0..<6 {
      var composed = displacement
      displacement.withUnsafeBufferPointer { current in
        composed.withUnsafeMutableBufferPointer { target in
          var index = 0
          for d in 0..<nodes.depth {
            for h in 0..<nodes.height {
              for w in 0..<nodes.width {
                let node = SIMD3(Float(d), Float(h), Float(w))
                target[index] += interpolate(current, at: node + current[index] / nodeSpacing)
                index += 1
              }
            }
          }
        }
      }
      displacement = composed
    }
  }

  /// Linear interpolation of the displacement at a position in nodes; the border value outside.
  private func interpolate(_ values: UnsafeBufferPointer<SIMD3<Float>>, at position: SIMD3<Float>) -> SIMD3<Float> {
    let last = SIMD3(Float(nodes.depth - 1), Float(nodes.height - 1), Float(nodes.width - 1))
    let inside = position.clamped(lowerBound: .zero, upperBound: last)
    let cell = pointwiseMin(inside.rounded(.down), last - 1)
    let t = inside - cell
    let at = nodes.index(Int(cell[0]), Int(cell[1]), Int(cell[2]))
    let (row, slice) = (nodes.width, nodes.width * nodes.height)
    func line(_ start: Int) -> SIMD3<Float> { values[start] + t[2] * (values[start + 1] - values[start]) }
    func plane(_ start: Int) -> SIMD3<Float> {
      let first = line(start)
      return first + t[1] * (line(start + row) - first)
    }
    let first = plane(at)
    return first + t[0] * (plane(at + slice) - first)
  }

  /// Maps the voxels of a row of the subject into the template: voxel w is at (point.d, point.h, point.w + w·step) millimetres.
  package func map(row point: SIMD3<Float>, step: Float, into targets: UnsafeMutableBufferPointer<SIMD3<Float>>) {
    displacement.withUnsafeBufferPointer { values in
      for w in 0..<targets.count {
        let here = SIMD3(point[0], point[1], point[2] + Float(w) * step)
        let moved = here + interpolate(values, at: here / nodeSpacing) - centre
        let turned = SIMD3((rows.0 * moved).sum(), (rows.1 * moved).sum(), (rows.2 * moved).sum())
        targets[w] = turned + centre + translation
      }
    }
  }
}
