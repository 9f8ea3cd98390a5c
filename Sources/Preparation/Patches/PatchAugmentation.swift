// How patches are augmented. Quarter turns and flips (HiLab-git/SSL4MIS, code/dataloaders/brats2019.py, `RandomRotFlip`) are exact permutations of
// voxels, the same for image and label; what nnU-Net does before it mirrors is `AugmentedCrop`.
// Axes: D depth, H height, W width, C channels; row-major, C fastest.

import Tensors
import Volumes

/// How patches are changed at random.
public struct PatchAugmentation: Sendable, Codable, Equatable {
  /// `flip` mirrors each of `flipAxes` with probability one half. `rotateFlip` turns in the (H, W) plane by a random number of quarter turns
  /// (half turns if the patch is not square there), then mirrors one of `flipAxes` with `flipProbability`. `nnunet` turns, scales
  /// and changes intensities as nnU-Net does, then mirrors as `flip`.
  public enum Kind: String, Sendable, Codable, CaseIterable { case none, flip, rotateFlip, nnunet }

  public var kind: Kind
  /// Axes that may be mirrored. Empty by default: mirroring W exchanges left and right, which is wrong for data with paired classes.
  public var flipAxes: FlipAxes
  /// How often `rotateFlip` mirrors. With 1, as published, a patch is always a mirror image, never as it was or only turned; 0.5 reaches those too.
  public var flipProbability: Double
  /// How often a labelled patch gets a `RandomContrast`.
  public var contrastProbability: Double

  /// What `nnunet` does.
  public var families: AugmentationFamilies

  public init(
    _ kind: Kind = .none, flipAxes: FlipAxes = [], flipProbability: Double = 1, families: AugmentationFamilies = .all,
    contrastProbability: Double = 0
  ) {
    (self.kind, self.flipAxes, self.flipProbability, self.families) = (kind, flipAxes, flipProbability, families)
    self.contrastProbability = contrastProbability
  }

  /// Gives the image [D, H, W, C] of a labelled patch another contrast, where that is drawn.
  package func changeContrast(_ image: inout [Float], channels: Int, _ key: RandomKey) {
    if key.uniform(0) < contrastProbability { RandomContrast.apply(&image, channels: channels, key: key.child(0)) }
  }

  /// The permutation of one draw.
  package func draw(_ key: RandomKey, patch: Extent) -> PatchPermutation {
    let axes = flipAxes.axes
    switch kind {
    case .none: return PatchPermutation(quarterTurns: 0, flips: [])
    case .flip, .nnunet: return PatchPermutation(quarterTurns: 0, flips: axes.filter { key.uniform(UInt64($0)) < 0.5 })
    case .rotateFlip:
      let turns = patch.height == patch.width ? key.integer(3, below: 4) : 2 * key.integer(3, below: 2)
      let mirrors = !axes.isEmpty && key.uniform(5) < flipProbability
      return PatchPermutation(quarterTurns: turns, flips: mirrors ? [axes[key.integer(4, below: axes.count)]] : [])
    }
  }
}

/// Families of nnU-Net's changes of crops.
public struct AugmentationFamilies: OptionSet, Sendable, Codable, Hashable {
  public let rawValue: Int
  public init(rawValue: Int) { self.rawValue = rawValue }

  /// Rotation and scale.
  public static let spatial = AugmentationFamilies(rawValue: 1)
  /// Noise, blur, low resolution.
  public static let noise = AugmentationFamilies(rawValue: 2)
  /// Brightness, contrast, gamma.
  public static let contrast = AugmentationFamilies(rawValue: 4)
  public static let all: AugmentationFamilies = [.spatial, .noise, .contrast]
  public static let named: [(name: String, family: AugmentationFamilies)] = [
    ("spatial", .spatial), ("noise", .noise), ("contrast", .contrast),
  ]
}

/// A set of volume axes.
public struct FlipAxes: OptionSet, Sendable, Codable, Hashable {
  public let rawValue: Int
  public init(rawValue: Int) { self.rawValue = rawValue }

  public static let depth = FlipAxes(rawValue: 1)
  public static let height = FlipAxes(rawValue: 2)
  public static let width = FlipAxes(rawValue: 4)

  /// The axis numbers, ascending: 0 depth, 1 height, 2 width.
  var axes: [Int] { (0..<3).filter { rawValue >> $0 & 1 == 1 } }
}

/// Quarter turns in the (H, W) plane, followed by mirrored axes.
package struct PatchPermutation: Sendable, Equatable {
  package var quarterTurns: Int
  package var flips: [Int]

  package init(quarterTurns: Int, flips: [Int]) { (self.quarterTurns, self.flips) = (quarterTurns, flips) }

  /// The permuted `values` [D, H, W, C]. A quarter turn needs H = W; it takes the first column, upwards, to the first row.
  package func apply<Value: BitwiseCopyable>(_ values: [Value], extent: Extent, channels: Int) -> [Value] {
    guard quarterTurns != 0 || !flips.isEmpty else { return values }
    guard quarterTurns % 2 == 0 || extent.height == extent.width else {
      fatalError("quarter turn of a patch of \(extent): height and width differ; use a square patch or half turns")
    }
    let steps = sourceSteps(extent)
    return values.withUnsafeBufferPointer { source in
      [Value](unsafeUninitializedCapacity: values.count) { target, initialised in
        var voxel = 0
        for d in 0..<extent.depth {
          for h in 0..<extent.height {
            let from = source.baseAddress! + (steps.first + d * steps.depth + h * steps.height) * channels
            copyRow(from, step: steps.width, into: target.baseAddress! + voxel, count: extent.width, channels: channels)
            voxel += extent.width * channels
          }
        }
        initialised = values.count
      }
    }
  }

  /// Copies voxels that lie `step` apart.
  private func copyRow<Value: BitwiseCopyable>(
    _ source: UnsafePointer<Value>, step: Int, into target: UnsafeMutablePointer<Value>, count: Int, channels: Int
  ) {
    if step == 1 { return target.update(from: source, count: count * channels) }
    if channels == 1 { for place in 0..<count { target[place] = source[place * step] } }
    for place in 0..<(channels == 1 ? 0 : count) {
      for channel in 0..<channels { target[place * channels + channel] = source[place * step * channels + channel] }
    }
  }

  /// The source of the first voxel of the result, and how far the source moves for a step of the result along each axis.
  private func sourceSteps(_ extent: Extent) -> (first: Int, depth: Int, height: Int, width: Int) {
    let (first, steps) = map(extent)
    func flat(_ position: [Int]) -> Int { (position[0] * extent.height + position[1]) * extent.width + position[2] }
    return (flat(first), flat(steps[0]), flat(steps[1]), flat(steps[2]))
  }

  /// The voxel (D, H, W) of the source that becomes the first of the result, and where the source goes for a step of the result along each axis.
  func map(_ extent: Extent) -> (first: [Int], steps: [[Int]]) {
    var first = [0, 0, 0], steps = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    func move(along axis: Int) { for i in 0..<3 { first[i] += (extent[axis] - 1) * steps[axis][i] } }
    for _ in 0..<quarterTurns {
      // result(h, w) = source(w, last - h)
      move(along: 2)
      steps = [steps[0], steps[2].map { -$0 }, steps[1]]
    }
    for axis in flips {
      move(along: axis)
      steps[axis] = steps[axis].map { -$0 }
    }
    return (first, steps)
  }
}
