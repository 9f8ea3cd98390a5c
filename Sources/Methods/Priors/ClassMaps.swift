// Maps of class probabilities over a crop, and the rule of when there is enough of a class to ask a prior about.
// Axes: D H W voxels of the crop, K classes, F = K - 1 foreground classes.

import Kernels
import Tensors

/// The share of a crop that a class must fill for a prior to be asked about it.
enum PromptSize {
  /// The number of voxels below which a class has no answer.
  static let leastVoxels = 50
  /// The greatest share of the crop that a structure may fill.
  static let greatestShare = 0.9

  /// Whether each foreground class fills neither too little nor too much of the crop.
  /// - Parameters:
  ///   - scores: [1, D, H, W, C].
  ///   - channels: where the foreground classes begin among the C.
  ///   - threshold: what a voxel of the class exceeds.
  static func fits(_ scores: Tensor, from first: Int, above threshold: Float) -> [Bool] {
    let channels = scores.shape.channels, voxels = scores.shape.rows
    var counts = [Int](repeating: 0, count: channels - first)
    withExtendedLifetime(scores) {
      for voxel in 0..<voxels {
        let row = scores.pointer + voxel * channels + first
        for k in counts.indices where row[k] > threshold { counts[k] += 1 }
      }
    }
    return counts.map { $0 >= leastVoxels && Double($0) <= greatestShare * Double(voxels) }
  }
}

extension Tensor {
  /// 1 where a channel exceeds `threshold`, else 0: [1, D, H, W, 1].
  func indicator(of channel: Int, above threshold: Float) -> Tensor {
    let channels = shape.channels, result = Tensor(uninitialized: Shape(shape.sizes.dropLast() + [1]))
    let from = pointer, to = result.pointer
    withExtendedLifetime(self) {
      parallelFor(result.count, grain: 1 << 14) { start, end in
        for voxel in start..<end { to[voxel] = from[voxel * channels + channel] > threshold ? 1 : 0 }
      }
    }
    return result
  }

  /// One channel, [1, D, H, W, 1].
  func channel(_ channel: Int) -> Tensor {
    let channels = shape.channels, result = Tensor(uninitialized: Shape(shape.sizes.dropLast() + [1]))
    withExtendedLifetime(self) { for voxel in 0..<result.count { result.pointer[voxel] = pointer[voxel * channels + channel] } }
    return result
  }
}

/// log(p / (1 - p)), no farther from 0 than `limit`.
func logit(_ probability: Float, limit: Float) -> Float {
  let p = min(max(Double(probability), 1e-30), 1)
  return p >= 1 ? limit : min(max(Float(logarithm(p / (1 - p))), -limit), limit)
}

/// 1 / (1 + exp(-z)).
func sigmoid(_ logit: Float) -> Float { Float(1 / (1 + exponential(-Double(logit)))) }
