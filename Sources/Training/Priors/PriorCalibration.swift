// How good a prior is, measured before it is trusted: crops of labelled volumes, their labels damaged as a student's masks would
// be, are given as prompts, and the answers are compared with the labels. Uses labelled data only.

import Methods
import Preparation
import Tensors
import Volumes

package struct PriorCalibration {
  /// Volumes and crops of each that are looked at.
  static let volumes = 8
  private static let crops = 2
  /// Voxels by which classes may grow or shrink and everything may be moved, if they are large enough.
  private static let damage = 3
  /// L to choose among.
  package static let candidates = [4, 8, 12]

  let classes: Int
  let patch: Extent
  let seed: UInt64

  /// r: how far a prior of this Dice is trusted.
  package static func reliability(dice: Double) -> Double { min(max((dice - 0.5) / 0.4, 0), 1) }

  /// The mean Dice of the damaged labels themselves, and of a prior's answers for each L; 0 where it was silent throughout.
  func dice(of prior: SAMPrior, clips: [Int], _ labelled: [PackedCase]) throws -> (prompts: Double, answers: [Double]) {
    var overlaps = [Overlap](repeating: Overlap(classes: classes), count: clips.count), prompts = Overlap(classes: classes)
    let sampler = PatchSampler(patch: patch, seed: seed, foregroundShare: 1)
    for volume in labelled {
      for crop in 0..<Self.crops {
        let cut = sampler.sample(volume, draw: UInt64(crop)), truth = cut.label!
        let shape: Shape = [1, patch.depth, patch.height, patch.width, volume.channels]
        let sample = Sample(
          identifier: volume.identifier, draw: UInt64(crop), views: [.clean: Tensor(cut.image, shape: shape)], label: nil,
          place: cut.place)
        let prompt = damaged(truth, volume.identifier, crop)
        let student = Tensor(oneHot: prompt, shape: Shape(shape.sizes.dropLast() + [classes]))
        for k in 1..<classes { prompts.add(truth, class: k) { Int(prompt[$0]) == k } }
        for (number, clip) in clips.enumerated() {
          prior.promptClip = Double(clip)
          if let answer = try prior.answer(for: sample, student: student, at: Step(index: 0, total: 1, seed: seed)) {
            overlaps[number].add(answer, truth)
          }
        }
      }
    }
    return (prompts.dice, overlaps.map(\.dice))
  }

  /// Damages a label as a student's mask would be: each class grown or shrunk, all of it moved.
  private func damaged(_ label: [UInt8], _ identifier: String, _ crop: Int) -> [UInt8] {
    let key = RandomKey(seed: seed, volume: identifier, draw: UInt64(crop), stream: RandomStream.labelNoise)
    let limits = (1..<classes).map { limit(of: UInt8($0), in: label) }, shift = limits.min()!
    func offset(_ counter: Int, within limit: Int) -> Int { key.integer(UInt64(counter), below: 2 * limit + 1) - limit }
    var noise = LabelNoise(label, sides: (0..<3).map { patch[$0] })
    for k in 1..<classes { noise.grow(UInt8(k), by: offset(k, within: limits[k - 1])) }
    noise.shift(by: (0..<3).map { offset(256 + $0, within: shift) })
    return noise.label
  }

  /// A third of the depth of the class: three voxels are little of a tumour and all of a hippocampus.
  private func limit(of k: UInt8, in label: [UInt8]) -> Int {
    let depth = signedDistance(label.map { $0 == k ? 1 : 0 }, extent: patch, limit: 3 * Self.damage).max()!
    return max(1, min(Self.damage, Int((depth / 3).rounded())))
  }
}

/// Voxels of each foreground class in answers, in labels and in both.
private struct Overlap {
  private var both, either: [Int]

  init(classes: Int) { (both, either) = ([Int](repeating: 0, count: classes - 1), [Int](repeating: 0, count: classes - 1)) }

  mutating func add(_ answer: PriorAnswer, _ truth: [UInt8]) {
    let logits = answer.logits.values, foreground = both.count
    for k in 0..<foreground where answer.isPresent[k] { add(truth, class: k + 1) { logits[$0 * foreground + k] > 0 } }
  }

  mutating func add(_ truth: [UInt8], class k: Int, _ isFound: (Int) -> Bool) {
    for voxel in truth.indices {
      let isFound = isFound(voxel), isThere = Int(truth[voxel]) == k
      both[k - 1] += isFound && isThere ? 1 : 0
      either[k - 1] += (isFound ? 1 : 0) + (isThere ? 1 : 0)
    }
  }

  /// The mean over the classes that were there or found; 0 where none was.
  var dice: Double {
    let seen = both.indices.filter { either[$0] > 0 }
    return seen.isEmpty ? 0 : seen.reduce(0) { $0 + 2 * Double(both[$1]) / Double(either[$1]) } / Double(seen.count)
  }
}
