// What nnU-Net's augmentation does to one crop: which of its changes were drawn, and their numbers (MIC-DKFZ/nnUNet v2.8.1,
// nnunetv2/training/nnUNetTrainer/nnUNetTrainer.py, get_training_transforms). A function of the key alone. The mirror comes last and is drawn with the
// other permutations (`PatchAugmentation`).

import Tensors

/// The changes of one crop, in their order; those of intensities have an entry for each channel, nil where that one is left as it is.
package struct AugmentationDraw: Equatable {
  /// Nil for the crop as it lies.
  package let spatial: SpatialTransform?
  /// A standard deviation for all channels.
  package let noise: Double?
  /// Standard deviations along the axes.
  package let blur: [[Double]?]
  package let brightness, contrast, zoom, invertedGamma, gamma: [Double?]

  package init(_ key: RandomKey, _ patch: AugmentedPatch, channels: Int, families: AugmentationFamilies = .all) {
    /// A change of a family has the same numbers whatever other families are asked for.
    func change(_ family: AugmentationFamilies, _ number: UInt64, _ probability: Double) -> RandomKey? {
      let key = key.child(number)
      return families.contains(family) && key.uniform(0) < probability ? key : nil
    }
    /// A number for each channel, of those in which the change is made.
    func each<Value>(
      _ family: AugmentationFamilies, _ number: UInt64, _ probability: Double, inChannel share: Double = 1,
      _ value: (RandomKey) -> Value
    ) -> [Value?] {
      let key = change(family, number, probability)
      return (0..<channels).map { channel in
        let own = key?.child(UInt64(channel))
        return own.flatMap { $0.uniform(0) < share ? value($0) : nil }
      }
    }
    spatial = Self.spatial(rotation: change(.spatial, 0, 0.2), scale: change(.spatial, 1, 0.2), patch)
    noise = change(.noise, 2, 0.1).map { $0.uniform(1, in: 0...0.1) }
    blur = each(.noise, 3, 0.2, inChannel: 0.5) { key in (1...3).map { key.uniform($0, in: 0.5...1) } }
    brightness = each(.contrast, 4, 0.15) { $0.factor(0.75, 1.25) }
    contrast = each(.contrast, 5, 0.15) { $0.factor(0.75, 1.25) }
    zoom = each(.noise, 6, 0.25, inChannel: 0.5) { $0.uniform(1, in: 0.5...1) }
    invertedGamma = each(.contrast, 7, 0.1) { $0.factor(0.7, 1.5) }
    gamma = each(.contrast, 8, 0.3) { $0.factor(0.7, 1.5) }
  }

  private static func spatial(rotation: RandomKey?, scale: RandomKey?, _ patch: AugmentedPatch) -> SpatialTransform? {
    guard rotation != nil || scale != nil else { return nil }
    let range = -patch.largestAngle...patch.largestAngle, factor = scale?.uniform(1, in: 0.7...1.4) ?? 1
    let angles = (1...3 as ClosedRange<UInt64>).map { axis in rotation?.uniform(axis, in: range) ?? 0 }
    return patch.turnsInPlane
      ? SpatialTransform(angleInPlane: angles[0], scale: factor) : SpatialTransform(angles: angles, scale: factor)
  }
}

extension RandomKey {
  fileprivate func uniform(_ counter: UInt64, in range: ClosedRange<Double>) -> Double {
    range.lowerBound + (range.upperBound - range.lowerBound) * uniform(counter)
  }

  /// Below 1 or above it with the same probability, and uniform there.
  fileprivate func factor(_ lowest: Double, _ highest: Double) -> Double {
    uniform(1) < 0.5 ? uniform(2, in: lowest...1) : uniform(2, in: 1...highest)
  }
}
