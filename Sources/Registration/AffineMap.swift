// Affine maps between volumes, in millimetres from their middles.

import Kernels

/// Takes a place p of the fixed volume to `shift` + columns · p of the moving one, mm.
public struct AffineMap: Sendable, Equatable {
  public var columns: [SIMD3<Double>]
  public var shift: SIMD3<Double>

  public init(columns: [SIMD3<Double>] = [SIMD3(1, 0, 0), SIMD3(0, 1, 0), SIMD3(0, 0, 1)], shift: SIMD3<Double> = .zero) {
    (self.columns, self.shift) = (columns, shift)
  }

  /// Scales and shifts.
  init(scale: Double, shift: SIMD3<Double>) {
    self.init(columns: [SIMD3(scale, 0, 0), SIMD3(0, scale, 0), SIMD3(0, 0, scale)], shift: shift)
  }

  package func callAsFunction(_ p: SIMD3<Double>) -> SIMD3<Double> {
    shift + p[0] * columns[0] + p[1] * columns[1] + p[2] * columns[2]
  }

  /// How volumes change.
  var determinant: Double {
    let (a, b, c) = (columns[0], columns[1], columns[2])
    return a[0] * (b[1] * c[2] - c[1] * b[2]) - b[0] * (a[1] * c[2] - c[1] * a[2]) + c[0] * (a[1] * b[2] - b[1] * a[2])
  }

  /// From the voxels of the fixed volume to places in the moving one, in its voxels.
  func voxels(from fixed: Frame, to moving: Frame) -> VoxelMap {
    func inVoxels(_ vector: SIMD3<Double>) -> SIMD3<Float> { SIMD3<Float>(vector / moving.spacing) }
    return VoxelMap(
      origin: SIMD3<Float>(self(-fixed.middle * fixed.spacing) / moving.spacing + moving.middle),
      columns: (
        inVoxels(columns[0] * fixed.spacing[0]), inVoxels(columns[1] * fixed.spacing[1]), inVoxels(columns[2] * fixed.spacing[2])
      ))
  }
}
