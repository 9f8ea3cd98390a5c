// The truth as a prior, damaged as asked: what a perfect foundation model would give, and a way to test all that depends on a
// prior without one. It answers only for volumes whose label is there: prepared data hold none for
// unlabelled volumes, so in an ordinary run the oracle guides labelled samples alone.

import Kernels
import Preparation
import Tensors

public final class OraclePrior: Prior {
  public let title = "oracle"
  /// Surer would leave the distillation nothing but its hardest voxels.
  private static let confidence: Float = 4
  private let noise: Double
  private let seed: UInt64
  private let classes: Int
  private let label: (String) throws(MethodError) -> [UInt8]?
  private var damaged: [String: [UInt8]] = [:]

  /// - Parameters:
  ///   - noise: 0 for the truth; else each class grows or shrinks by 10 · noise voxels, and a tenth of `noise` of all 4x4x4 blocks
  ///     are wrong.
  ///   - classes: K.
  ///   - label: the label [D, H, W] of a whole prepared volume; nil where there is none.
  public init(noise: Double, classes: Int, seed: UInt64, label: @escaping (String) throws(MethodError) -> [UInt8]?) {
    (self.noise, self.classes, self.seed, self.label) = (noise, classes, seed, label)
  }

  public func answer(for sample: Sample, student: Tensor, at step: Step) throws(MethodError) -> PriorAnswer? {
    if Rehearsal.isOn { return .rehearsed(student) }
    guard let place = sample.place, let truth = try volume(sample.identifier, place) else { return nil }
    let foreground = classes - 1, logits = Tensor(uninitialized: Shape(student.shape.sizes.dropLast() + [foreground]))
    withExtendedLifetime(logits) { answer(truth, place, into: logits.pointer) }
    return PriorAnswer(logits: logits, isPresent: [Bool](repeating: true, count: foreground))
  }

  /// ± confidence at each voxel of the crop, [D, H, W, F]; beyond the volume lies background.
  private func answer(_ truth: [UInt8], _ place: CropPlace, into logits: UnsafeMutablePointer<Float>) {
    let sides = SIMD3(place.volume.depth, place.volume.height, place.volume.width), foreground = classes - 1
    let step = place.steps.map { SIMD3($0[0], $0[1], $0[2]) }, crop = place.crop
    parallelFor(crop.depth * crop.height, grain: 16) { start, end in
      for row in start..<end {
        let first = place.position(row / crop.height, row % crop.height, 0)
        var at = SIMD3(first[0], first[1], first[2]), to = logits + row * crop.width * foreground
        for _ in 0..<crop.width {
          let isInside = all(at .>= 0) && all(at .< sides)
          let found = isInside ? Int(truth[(at[0] * sides[1] + at[1]) * sides[2] + at[2]]) : 0
          for k in 0..<foreground { to[k] = k + 1 == found ? Self.confidence : -Self.confidence }
          to += foreground
          at &+= step[2]
        }
      }
    }
  }

  /// The damaged label of a volume, made once.
  private func volume(_ identifier: String, _ place: CropPlace) throws(MethodError) -> [UInt8]? {
    if let known = damaged[identifier] { return known }
    guard let truth = try label(identifier) else { return nil }
    var result = LabelNoise(truth, sides: (0..<3).map { place.volume[$0] })
    let key = RandomKey(seed: seed, volume: identifier, draw: 0, stream: RandomStream.labelNoise)
    if noise > 0 {
      let voxels = Int((10 * noise).rounded())
      for k in 1..<classes { result.grow(UInt8(k), by: key.integer(UInt64(k), below: 2) == 0 ? voxels : -voxels) }
      result.flipBlocks(share: noise / 10, classes: classes, key: key.child(0))
    }
    damaged[identifier] = result.label
    return result.label
  }
}
