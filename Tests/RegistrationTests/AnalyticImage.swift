// Images given by a formula, so that they can be read at any place, and maps that are known exactly. Places are mm from the middle.

import Kernels
import Registration
import Volumes

/// A smooth landscape of blobs.
struct AnalyticImage {
  private var blobs: [(centre: SIMD3<Double>, width: Double, height: Double)] = []

  /// - Parameter size: mm of the cube that the blobs lie in.
  init(seed: UInt64, blobs count: Int = 40, size: Double = 60) {
    var state = seed &* 2_862_933_555_777_941_757 &+ 3_037_000_493
    func number() -> Double {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Double(state >> 11) / Double(1 << 53)
    }
    blobs = (0..<count).map { _ in
      (SIMD3(number() - 0.5, number() - 0.5, number() - 0.5) * size, 3 + 5 * number(), number() - 0.3)
    }
  }

  func callAsFunction(_ p: SIMD3<Double>) -> Double {
    blobs.reduce(0) { sum, blob in
      let away = p - blob.centre, squared = (away * away).sum() / (blob.width * blob.width)
      return squared > 20 ? sum : sum + blob.height * exponential(-0.5 * squared)
    }
  }

  /// The image of which voxel p shows the place `place(p)`.
  func image(_ extent: Extent, _ spacing: Spacing, at place: (SIMD3<Double>) -> SIMD3<Double> = { $0 }) -> RegistrationImage {
    let values = places(extent, spacing).map { Float(self(place($0))) }
    return RegistrationImage(extent: extent, spacing: spacing, channels: 1, values: values)
  }
}

/// The places of all voxels.
func places(_ extent: Extent, _ spacing: Spacing) -> [SIMD3<Double>] {
  let frame = Frame(extent, spacing)
  var result: [SIMD3<Double>] = []
  for d in 0..<extent.depth {
    for h in 0..<extent.height {
      for w in 0..<extent.width { result.append((SIMD3(Double(d), Double(h), Double(w)) - frame.middle) * frame.spacing) }
    }
  }
  return result
}

extension SpatialMap {
  /// Where the voxels of a volume of this frame lie in a moving one of the same frame, mm.
  func images(of extent: Extent, _ spacing: Spacing) -> [SIMD3<Double>] {
    let frame = Frame(extent, spacing), grid = places(frame, frame, planes: 0..<extent.depth)
    return (0..<extent.count).map { voxel in
      let p = grid.values + voxel * 4
      return (SIMD3(Double(p[0]), Double(p[1]), Double(p[2])) - frame.middle) * frame.spacing
    }
  }
}

extension SIMD3<Double> {
  var length: Double { (self * self).sum().squareRoot() }
}
