// PyTorch keeps images channels first, [B, C, D, H, W]; Cohort channels last, [B, D, H, W, C]. Files for other programs are permuted here.

import Tensors

extension Tensor {
  /// A tensor from channels-first values.
  /// - Shape: `stored` [B, C, D, H, W]; result [B, D, H, W, C].
  public init(channelsFirst stored: StoredTensor) throws(WeightError) {
    guard stored.shape.count == 5, stored.shape.allSatisfy({ $0 > 0 }) else {
      throw WeightError(
        "an image tensor has 5 axes [B, C, D, H, W], none empty; this one has shape \(stored.shape): add what is missing.")
    }
    let (batch, channels, voxels) = (stored.shape[0], stored.shape[1], stored.shape[2...].reduce(1, *))
    self.init(uninitialized: Shape([batch] + stored.shape[2...] + [channels]))
    let to = pointer
    for b in 0..<batch {
      for c in 0..<channels {
        for v in 0..<voxels { to[(b * voxels + v) * channels + c] = stored.values[(b * channels + c) * voxels + v] }
      }
    }
  }

  /// The values channels first.
  /// - Shape: self [B, D, H, W, C]; result [B, C, D, H, W].
  public var channelsFirst: StoredTensor {
    let (batch, voxels, channels) = (shape.batch, shape.spatial.reduce(1, *), shape.channels), from = values
    var result = [Float](repeating: 0, count: count)
    for b in 0..<batch {
      for c in 0..<channels {
        for v in 0..<voxels { result[(b * channels + c) * voxels + v] = from[(b * voxels + v) * channels + c] }
      }
    }
    return StoredTensor(shape: [batch, channels] + shape.spatial, values: result)
  }
}
