// What the labelled volumes' classes look like to a foundation model: the mean token of each (SemiSAM-O1, arXiv:2604.24109). A
// token of an unlabelled volume belongs to the class whose prototype it resembles most; no student is needed. Axes: K classes, g
// tokens along each side of a window, P channels.

import Kernels
import Preparation
import Tensors

public struct Prototypes: Sendable {
  /// How sharply classes are separated: logits are cosines times this.
  private static let sharpness: Float = 20
  /// K unit vectors of P values; a class that no labelled volume has is 0.
  private let vectors: [[Float]]

  /// Averages the normalised tokens, each token counting for a class as much as the class fills of it.
  /// - Parameters:
  ///   - labelled: labelled volumes as samples whose crop is the whole volume.
  ///   - classes: K.
  public init(_ labelled: [Sample], classes: Int, from source: any EmbeddingSource) throws(MethodError) {
    var sums = [[Float]](repeating: [], count: classes)
    for sample in labelled {
      guard let label = sample.label, let place = sample.place else { continue }
      let shape: Shape = [1, place.crop.depth, place.crop.height, place.crop.width, 1]
      let windows = try source.embedding(for: sample)
      for k in 0..<classes {
        let mask = Tensor(label.map { Int($0) == k ? 1 : 0 }, shape: shape)
        for window in windows {
          let weights = window.map.pooled(mask, grid: window.embedding.shape[1]).values
          addWeighted(unitTokens(window.embedding), weights, channels: window.embedding.shape.channels, to: &sums[k])
        }
      }
    }
    vectors = sums.map(unit)
  }

  /// 1 for the class that each voxel of the windows' crop resembles most, else 0: [1, D, H, W, K].
  func mask(_ windows: [WindowEmbedding]) -> Tensor {
    let similarity = similarity(windows)
    return Tensor(oneHot: argmaxLabels(similarity.values, classes: vectors.count), shape: similarity.shape)
  }

  /// How much more each voxel of the windows' crop resembles a foreground class than any other class: [1, D, H, W, F].
  func margins(_ windows: [WindowEmbedding]) -> Tensor {
    let similarity = similarity(windows), classes = vectors.count
    let margins = Tensor(uninitialized: Shape(similarity.shape.sizes.dropLast() + [classes - 1]))
    withExtendedLifetime((similarity, margins)) {
      let (from, to) = (similarity.pointer, margins.pointer)
      parallelFor(similarity.shape.rows, grain: 1 << 12) { start, end in
        for voxel in start..<end {
          let row = from + voxel * classes
          for k in 1..<classes {
            var other = -Float.infinity
            for j in 0..<classes where j != k { other = max(other, row[j]) }
            to[voxel * (classes - 1) + k - 1] = row[k] - other
          }
        }
      }
    }
    return margins
  }

  /// For each class its cosine, times the sharpness, at the voxels of the windows' crop, [1, D, H, W, K].
  private func similarity(_ windows: [WindowEmbedding]) -> Tensor {
    let parts = windows.map { window in
      let tokens = unitTokens(window.embedding), channels = window.embedding.shape.channels
      let cosines = (0..<tokens.count / channels).flatMap { token in
        vectors.map { vector in
          Self.sharpness * vector.indices.reduce(Float(0)) { $0 + vector[$1] * tokens[token * channels + $1] }
        }
      }
      return (window.map, cosines)
    }
    return WindowMap.sampled(parts, grid: windows[0].embedding.shape[1], channels: vectors.count)
  }
}

/// Similarity to the prototypes as a prior of its own: no decoder, no prompt.
public final class PrototypePrior: Prior {
  public let title = "prototypes"
  public let tokenChannels: Int
  /// The prototypes; must be set before the first answer.
  public var prototypes: Prototypes?
  private let source: any EmbeddingSource

  /// - Parameter tokenChannels: P.
  public init(source: any EmbeddingSource, tokenChannels: Int) { (self.source, self.tokenChannels) = (source, tokenChannels) }

  public func answer(for sample: Sample, student: Tensor, at step: Step) throws(MethodError) -> PriorAnswer? {
    if Rehearsal.isOn { return .rehearsed(student) }
    let windows = try source.embedding(for: sample).filter(\.map.isTouched)
    guard let prototypes else { fatalError("the prototypes' prior was asked before they were made") }
    guard !windows.isEmpty else { return nil }
    let logits = prototypes.margins(windows), isPresent = PromptSize.fits(logits, from: 0, above: 0)
    return isPresent.contains(true) ? PriorAnswer(logits: logits, isPresent: isPresent) : nil
  }

  public func tokens(for sample: Sample, grid: [Int]) throws(MethodError) -> Tensor? {
    if Rehearsal.isOn { return Tensor(uninitialized: [1, grid.reduce(1, *), tokenChannels]) }
    return try source.embedding(for: sample).tokens(grid: grid)
  }
}

/// The tokens of an embedding, each of length 1.
private func unitTokens(_ embedding: Tensor) -> [Float] {
  let channels = embedding.shape.channels, values = embedding.values
  return stride(from: 0, to: values.count, by: channels).flatMap { unit(Array(values[$0..<$0 + channels])) }
}

private func unit(_ vector: [Float]) -> [Float] {
  let length = vector.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
  return vector.map { Float(Double($0) / max(length, 1e-12)) }
}

private func addWeighted(_ tokens: [Float], _ weights: [Float], channels: Int, to sum: inout [Float]) {
  if sum.isEmpty { sum = [Float](repeating: 0, count: channels) }
  for (token, weight) in weights.enumerated() where weight > 0 {
    for channel in 0..<channels { sum[channel] += weight * tokens[token * channels + channel] }
  }
}
