// Features disturbed on their way from an encoder to a decoder (Ouali et al., arXiv:2003.09005; HiLab-git/SSL4MIS, code/networks/unet.py: FeatureNoise,
// Dropout, FeatureDropout). Axes: B batch, D H W voxels of a level, C channels.

import Kernels
import Learning
import Tensors

/// A way to disturb feature maps.
package enum FeaturePerturbation: String, CaseIterable {
  /// Each value times 1 + n, n uniform in ±0.3 and the same for every sample.
  case noise
  /// Values left out with probability 0.3, the others divided by 0.7.
  case dropout
  /// Voxels left out whose mean over the channels reaches a share of the highest one of the sample, 0.7 to 0.9.
  case drop

  /// - Parameters:
  ///   - key: of what all samples of a step share.
  ///   - sampleKey: of what each sample draws for itself.
  func apply(to x: Tensor, key: RandomKey, sampleKey: RandomKey, on tape: Tape) -> Tensor {
    switch self {
    case .noise:
      let count = x.count / x.shape.batch, factors = Tensor(uninitialized: Shape([1] + x.shape.sizes.dropFirst()))
      parallelFor(count, grain: 1 << 13) { start, end in
        for index in start..<end { factors.pointer[index] = Float(0.7 + 0.6 * key.uniform(UInt64(index))) }
      }
      return tape.product(x, factors)
    case .dropout: return tape.dropout(x, probability: 0.3, key: sampleKey)
    case .drop: return tape.withoutStrongest(x, share: Float(0.7 + 0.2 * key.uniform(0)))
    }
  }
}

extension Tape {
  /// Zeroes the voxels whose mean over the channels is not below `share` of the highest of its sample. Which those are gets no gradient.
  /// - Shape: x [B, D, H, W, C]; result the same.
  package func withoutStrongest(_ x: Tensor, share: Float) -> Tensor {
    let channels = x.shape.channels, voxels = x.shape.rows / x.shape.batch, factors = Tensor(uninitialized: x.shape)
    forEachBlock(x.shape.batch) { sample in
      let first = sample * voxels
      let means = (first..<first + voxels).map { voxel in
        (0..<channels).reduce(Float(0)) { $0 + x.pointer[voxel * channels + $1] } / Float(channels)
      }
      let limit = (means.max() ?? 0) * share
      for (voxel, mean) in means.enumerated() {
        for channel in 0..<channels { factors.pointer[(first + voxel) * channels + channel] = mean < limit ? 1 : 0 }
      }
    }
    return withExtendedLifetime(x) { product(x, factors) }
  }
}
