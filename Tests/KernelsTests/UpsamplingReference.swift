// Upsampling a tensor by plain loops over pairs of voxels, and its gradient: the reference for kernels that upsample, or that
// compute as if they had. Axes: B batch, D H W voxels of the tensor, C channels.

/// What each voxel of the upsampled tensor mixes.
struct UpsamplingReference {
  private let batch: Int
  /// D, H, W.
  private let input: [Int]
  private let channels: Int
  /// The places that each place of the upsampled tensor mixes along D, H and W, with their weights.
  private let sources: [[[(place: Int, weight: Float)]]]

  /// Trilinear upsampling by 2: a new place lies a quarter of the way to the next one, and there is nothing beyond the ends.
  init(trilinear input: [Int], batch: Int, channels: Int) {
    (self.batch, self.input, self.channels) = (batch, input, channels)
    sources = input.map { size in
      (0..<2 * size).map { place in
        let next = min(max(place / 2 + (place % 2 == 0 ? -1 : 1), 0), size - 1)
        return [(place / 2, 0.75), (next, 0.25)]
      }
    }
  }

  /// Each voxel `factors` (D, H, W) times.
  init(nearest input: [Int], factors: [Int], batch: Int, channels: Int) {
    (self.batch, self.input, self.channels) = (batch, input, channels)
    sources = zip(input, factors).map { size, factor in (0..<factor * size).map { [($0 / factor, 1)] } }
  }

  /// The upsampled tensor.
  func upsampled(_ x: [Float]) -> [Float] {
    var y = [Float](repeating: 0, count: batch * sources.reduce(1) { $0 * $1.count } * channels)
    forEachPair { fine, coarse, weight in y[fine] += weight * x[coarse] }
    return y
  }

  /// The gradient by the tensor of the gradient by the upsampled one.
  func gradient(_ dy: [Float]) -> [Float] {
    var dx = [Float](repeating: 0, count: batch * input.reduce(1, *) * channels)
    forEachPair { fine, coarse, weight in dx[coarse] += weight * dy[fine] }
    return dx
  }

  /// Every element of the upsampled tensor with each element that it mixes.
  private func forEachPair(_ body: (_ fine: Int, _ coarse: Int, _ weight: Float) -> Void) {
    let size = sources.map(\.count)
    for b in 0..<batch {
      for d in 0..<size[0] {
        for h in 0..<size[1] {
          for w in 0..<size[2] {
            let fine = (((b * size[0] + d) * size[1] + h) * size[2] + w) * channels
            for (i, p) in sources[0][d] {
              for (j, q) in sources[1][h] {
                for (k, r) in sources[2][w] {
                  let coarse = (((b * input[0] + i) * input[1] + j) * input[2] + k) * channels
                  for c in 0..<channels { body(fine + c, coarse + c, p * q * r) }
                }
              }
            }
          }
        }
      }
    }
  }
}
