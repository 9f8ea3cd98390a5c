// Where the labelled volumes have their classes, in the canonical frame: the mean of their labels around the middle of the
// foreground. As good as patients are alike and lie alike.

import Kernels
import Preparation
import Tensors

public final class Atlas {
  /// Cells along each axis.
  private static let grid = 32
  private let classes: Int
  /// [G, G, G, K] along the window's axes.
  private let means: [Float]
  private let window: (String) throws(MethodError) -> CanonicalWindow

  /// - Parameters:
  ///   - labelled: labelled volumes as samples whose crop is the whole volume.
  ///   - classes: K.
  ///   - window: the one window over a volume, of the same size in mm for all.
  public init(
    _ labelled: [Sample], classes: Int, window: @escaping (String) throws(MethodError) -> CanonicalWindow
  ) throws(MethodError) {
    let cells = Self.grid * Self.grid * Self.grid
    var sums = [Float](repeating: 0, count: cells * classes)
    for sample in labelled {
      guard let label = sample.label, let place = sample.place else { continue }
      let map = WindowMap(place, try window(sample.identifier))
      for k in 0..<classes {
        let shape: Shape = [1, place.crop.depth, place.crop.height, place.crop.width, 1]
        let mask = Tensor(label.map { Int($0) == k ? 1 : 0 }, shape: shape), pooled = map.pooled(mask, grid: Self.grid)
        for cell in 0..<cells {
          // Beyond the volume lies background.
          let value: Float = pooled.isKnown[cell] ? pooled.values[cell] : (k == 0 ? 1 : 0)
          sums[cell * classes + k] += value / Float(labelled.count)
        }
      }
    }
    (self.classes, self.window, means) = (classes, window, sums)
  }

  /// Probabilities of the classes at the voxels of a sample, [1, D, H, W, K]; nil for a sample that has no place in a volume.
  func probabilities(for sample: Sample) throws(MethodError) -> Tensor? {
    guard let place = sample.place else { return nil }
    return WindowMap.sampled([(WindowMap(place, try window(sample.identifier)), means)], grid: Self.grid, channels: classes)
  }
}

/// The atlas as a prior of its own.
public final class AtlasPrior: Prior {
  public let title = "atlas"
  /// The atlas; must be set before the first answer.
  public var atlas: Atlas?

  public init() {}

  public func answer(for sample: Sample, student: Tensor, at step: Step) throws(MethodError) -> PriorAnswer? {
    if Rehearsal.isOn { return .rehearsed(student) }
    guard let atlas else { fatalError("the atlas's prior was asked before the atlas was made") }
    return try atlas.probabilities(for: sample).flatMap(PriorAnswer.init(probabilities:))
  }
}

extension PriorAnswer {
  /// Logits of class probabilities [1, D, H, W, K], within ±8; no answer for classes of which there is too little or too much, nil
  /// if of all.
  fileprivate init?(probabilities: Tensor) {
    let classes = probabilities.shape.channels
    let isPresent = PromptSize.fits(probabilities, from: 1, above: 0.5)
    guard isPresent.contains(true) else { return nil }
    let logits = Tensor(uninitialized: Shape(probabilities.shape.sizes.dropLast() + [classes - 1]))
    withExtendedLifetime((probabilities, logits)) {
      let (from, to) = (probabilities.pointer, logits.pointer)
      parallelFor(probabilities.shape.rows, grain: 1 << 12) { start, end in
        for voxel in start..<end {
          for k in 1..<classes { to[voxel * (classes - 1) + k - 1] = logit(from[voxel * classes + k], limit: 8) }
        }
      }
    }
    self.init(logits: logits, isPresent: isPresent)
  }
}
