// What a foundation model sees of a sample: embeddings of the windows over its volume, computed once (frame canonical), or of the
// crop itself, computed at every step (frame crop, as ReLiF-3D and SemiSAM+ publish it).

import Kernels
import Networks
import Preparation
import Tensors

/// One window's embedding, and how the sample's crop lies in the window.
public struct WindowEmbedding {
  public let map: WindowMap
  /// [1, g, g, g, P].
  public let embedding: Tensor

  public init(map: WindowMap, embedding: Tensor) { (self.map, self.embedding) = (map, embedding) }
}

/// A source of embeddings.
public protocol EmbeddingSource: AnyObject {
  /// The windows over the sample's volume; none for a sample that has no place in one.
  func embedding(for sample: Sample) throws(MethodError) -> [WindowEmbedding]
}

/// The published frame: the model sees the training crop, in the order of the array, with clipped Gaussian noise if asked for.
public final class CropEmbedding: EmbeddingSource {
  private let network: SAMMed3D
  private let noise: Double
  private let seed: UInt64
  /// Losses ask more than once for the same sample.
  private var last: (identifier: String, draw: UInt64, embedding: Tensor)?

  /// - Parameters:
  ///   - patch: D, H, W of the crops, which must be the network's cube.
  ///   - noise: standard deviation of the noise, which is clipped at twice that (0.1 as published, 0 for none).
  public init(_ network: SAMMed3D, patch: [Int], noise: Double, seed: UInt64) throws(MethodError) {
    let side = network.plan.imageSize
    guard patch == [side, side, side] else {
      throw MethodError(
        "prior.frame: crop shows the prior crops of \(patch.map(String.init).joined(separator: "x")) voxels, but its image is "
          + "\(side)x\(side)x\(side): set patch to [\(side), \(side), \(side)] or take prior.frame: canonical.")
    }
    (self.network, self.noise, self.seed) = (network, noise, seed)
  }

  public func embedding(for sample: Sample) throws(MethodError) -> [WindowEmbedding] {
    guard let clean = sample.clean else { fatalError("a prior that reads the crop was given a sample without its voxels") }
    let map = WindowMap(cube: network.plan.imageSize)
    if let last, last.identifier == sample.identifier, last.draw == sample.draw {
      return [WindowEmbedding(map: map, embedding: last.embedding)]
    }
    let key = RandomKey(seed: seed, volume: sample.identifier, draw: sample.draw, stream: RandomStream.priorNoise)
    let image = clean.channel(0), limit = 2 * noise
    if noise > 0 {
      let values = image.pointer
      parallelFor(image.count, grain: 1 << 14) { start, end in
        for voxel in start..<end {
          values[voxel] += Float(min(max(noise * key.gaussian(UInt64(voxel)), -limit), limit))
        }
      }
    }
    let embedding = network.embedding(image, on: Tape(recording: false))
    last = (sample.identifier, sample.draw, embedding)
    return [WindowEmbedding(map: map, embedding: embedding)]
  }
}

extension [WindowEmbedding] {
  /// The windows' tokens at a grid over the crop, centred by their mean: [1, N, P].
  func tokens(grid: [Int]) -> Tensor? {
    guard let first else { return nil }
    let side = first.embedding.shape[1], channels = first.embedding.shape.channels
    var mean = [Float](repeating: 0, count: channels)
    let all = map(\.embedding.values)
    for values in all { for (index, value) in values.enumerated() { mean[index % channels] += value } }
    let count = Float(all.reduce(0) { $0 + $1.count } / channels)
    let parts = zip(self, all).map { window, values in
      let centred = values.enumerated().map { $1 - mean[$0 % channels] / count }
      return (window.map.coarsened(to: grid), centred)
    }
    let sampled = WindowMap.sampled(parts, grid: side, channels: channels)
    return Tensor(shape: [1, grid.reduce(1, *), channels], storage: sampled.storage, offset: 0)
  }
}
