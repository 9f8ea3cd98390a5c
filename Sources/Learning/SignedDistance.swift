// Class probabilities that follow from a signed distance to the surface of one structure (HiLab-git/DTC, code/train_la_dtc.py). Axes: D H W voxels.

import Kernels
import Tensors

extension Tape {
  /// σ(k φ) and σ(-k φ): background and the structure, inside of which φ is negative.
  /// - Shape: φ [B, D, H, W, 1]; result [B, D, H, W, 2].
  /// - Parameter sharpness: k.
  public func insideProbabilities(ofDistance phi: Tensor, sharpness: Float) -> Tensor {
    let count = phi.count, place = phi.place
    let inside = Tensor(uninitialized: phi.shape), p = Tensor(uninitialized: Shape(phi.shape.sizes.dropLast() + [2]))
    withExtendedLifetime(phi) { scale(phi.pointer, by: -sharpness, into: inside.pointer, count: count) }
    Kernels.sigmoid(inside.pointer, into: inside.pointer, count: count)
    parallelFor(count, grain: 1 << 13) { start, end in
      for voxel in start..<end {
        p.pointer[2 * voxel] = 1 - inside.pointer[voxel]
        p.pointer[2 * voxel + 1] = inside.pointer[voxel]
      }
    }
    return record("insideProbabilities", inputs: [phi], output: p) { dp in
      let d = Tensor(uninitialized: place.shape)
      withExtendedLifetime(dp) {
        parallelFor(count, grain: 1 << 13) { start, end in
          for voxel in start..<end {
            let q = inside.pointer[voxel]
            d.pointer[voxel] = sharpness * q * (1 - q) * (dp.pointer[2 * voxel] - dp.pointer[2 * voxel + 1])
          }
        }
      }
      self.accumulate(d, at: place)
    }
  }
}
