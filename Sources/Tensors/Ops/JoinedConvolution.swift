// Convolution over the joined channels of several inputs, some of them enlarged first: what a decoder does with its skip connection and
// the coarser level. Axes: B batch, D H W voxels, C channels, O output channels.

import Kernels

/// One input of a joined convolution.
public enum ConvolutionInput {
  /// As it is, [B, D, H, W, C].
  case same(Tensor)
  /// [B, D/2, H/2, W/2, C], doubled trilinearly (align_corners false).
  case doubled(Tensor)
  /// [B, D/fD, H/fH, W/fW, C], each voxel repeated `factors` times (nearest neighbour).
  case repeated(Tensor, factors: [Int])
}

extension Tape {
  /// Convolution with stride 1 of the inputs' channels side by side.
  /// - Shape: weight [O, ΣC, kD, kH, kW] with odd kernels, bias [O]; result [B, D, H, W, O].
  public func convolution(joining inputs: [ConvolutionInput], weight: Parameter, bias: Parameter? = nil) -> Tensor {
    let enlarged = inputs.map { input in
      switch input {
      case .same(let x): x
      case .doubled(let x): trilinearDoubling(x)
      case .repeated(let x, let factors): nearestUpsampling(x, factors: factors)
      }
    }
    let joined = enlarged.dropFirst().reduce(enlarged[0]) { concatenation($0, $1) }
    return convolution(joined, weight: weight, bias: bias, padding: weight.shape.sizes[2...].map { $0 / 2 })
  }
}
