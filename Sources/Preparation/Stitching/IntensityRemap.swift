// Random intensities of single slices, the augmentation with which SAM is fine-tuned on canvases (ShumengLI/SFR, `nonlinear_transformation`).
// Axes: D depth, H height, W width, C channels; row-major, C fastest.

import Tensors
import Volumes

/// Maps the intensities of slices by random curves from [0, 1] to [0, 1], each slice by one of its own.
public struct IntensityRemap: Sendable, Equatable {
  /// The probability with which a slice is mapped.
  public var probability: Double
  /// Whether every slice is first brought to [0, 1] (mode 5 of the released program); its canvases must then be `standardized`. Otherwise (mode 2, as
  /// published) a mapped slice of standardised intensities is cut to [0, 1]: all below the mean becomes 0, all beyond one standard deviation 1.
  public var rescalesFirst: Bool

  public init(probability: Double = 0.5, rescalesFirst: Bool = false) {
    (self.probability, self.rescalesFirst) = (probability, rescalesFirst)
  }

  /// The crop [D, H, W, C] with its slices mapped. Gaps of a canvas stay 0 under every curve, so it does not matter that they come later.
  public func apply(_ image: [Float], crop: Extent, key: RandomKey) -> [Float] {
    var image = image
    image.withUnsafeMutableBufferPointer { image in
      let length = image.count / crop.depth
      for slice in 0..<crop.depth {
        let values = UnsafeMutableBufferPointer(rebasing: image[slice * length..<(slice + 1) * length])
        if rescalesFirst { rescale(values) }
        let key = key.child(UInt64(slice))
        guard key.uniform(0) < probability else { continue }
        IntensityCurve(key.uniform(1), key.uniform(2), key.uniform(3), key.uniform(4)).apply(values)
      }
    }
    return image
  }

  /// Canvases of a batch [B, S, S, C] with mean 0 and standard deviation 1 over all of them together, gaps included.
  public static func standardized(_ canvases: [Float]) -> [Float] {
    var canvases = canvases
    Normalization.wholeCrop.apply(&canvases)
    return canvases
  }

  /// Brings a slice to [0, 1]; a constant one becomes 0.
  private func rescale(_ values: UnsafeMutableBufferPointer<Float>) {
    guard let low = values.min(), let high = values.max() else { return }
    let range = high > low ? high - low : 1
    for index in 0..<values.count { values[index] = (values[index] - low) / range }
  }
}
