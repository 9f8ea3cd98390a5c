// How a plan of nnU-Net brings the intensities of a channel to a common scale (MIC-DKFZ/nnUNet,
// nnunetv2/preprocessing/normalization/default_normalization_schemes.py).

import Foundation

/// Intensities of a channel in the foreground of a whole data set.
public struct ForegroundIntensity: Sendable, Codable, Hashable {
  public var mean, standardDeviation: Double
  /// The percentiles 0.5 and 99.5.
  public var lowest, highest: Double

  public init(mean: Double, standardDeviation: Double, lowest: Double, highest: Double) {
    (self.mean, self.standardDeviation, self.lowest, self.highest) = (mean, standardDeviation, lowest, highest)
  }
}

/// The normalisation of one channel.
public struct ChannelNormalization: Sendable, Codable, Hashable {
  /// By the names in plans.
  public enum Scheme: String, Sendable, Codable, CaseIterable {
    /// By the case's own mean and standard deviation.
    case zScore = "ZScoreNormalization"
    /// Cut to the data set's percentiles, then by its mean and standard deviation.
    case ct = "CTNormalization"
    case none = "NoNormalization"
    /// The case's smallest value to 0, its largest to 1.
    case rescale = "RescaleTo01Normalization"
    /// Bytes of a picture, divided by 255.
    case rgb = "RGBTo01Normalization"
  }

  public var scheme: Scheme
  /// Whether only the object counts and changes, for `zScore`.
  public var usesMask: Bool
  /// Those of the data set, for `ct`.
  public var foreground: ForegroundIntensity?

  public init(_ scheme: Scheme, usesMask: Bool = false, foreground: ForegroundIntensity? = nil) {
    (self.scheme, self.usesMask, self.foreground) = (scheme, usesMask, foreground)
  }

  /// Normalises the crop of a channel of the file `path` in place. Error: intensities that the scheme does not take.
  /// - Parameter inside: 1 where the object is; nil if no channel asks for it.
  func apply(_ voxels: inout [Float], inside: [UInt8]?, path: String) throws(PreparationError) {
    switch scheme {
    case .zScore: standardize(&voxels, over: usesMask ? inside : nil)
    case .none: break
    case .ct:
      guard let foreground else { fatalError("CT normalisation without the data set's intensities; take them from its plan") }
      let (low, high) = (Float(foreground.lowest), Float(foreground.highest))
      let divisor = Float(max(foreground.standardDeviation, 1e-8)), mean = Float(foreground.mean)
      change(&voxels) { (max(low, min(high, $0)) - mean) / divisor }
    case .rescale:
      let range = channelRange(voxels, channel: 0, of: 1), divisor = max(range.maximum - range.minimum, 1e-8)
      change(&voxels) { ($0 - range.minimum) / divisor }
    case .rgb:
      let range = channelRange(voxels, channel: 0, of: 1)
      guard range.minimum >= 0, range.maximum <= 255 else {
        throw PreparationError(
          "\(path) has intensities from \(range.minimum) to \(range.maximum), but the plan takes it for a picture of bytes "
            + "(\(scheme.rawValue)): name its channel otherwise in dataset.json and plan again.")
      }
      change(&voxels) { $0 / 255 }
    }
  }
}

@inline(__always)
private func change(_ voxels: inout [Float], _ rule: (Float) -> Float) {
  voxels.withUnsafeMutableBufferPointer { voxels in
    for index in 0..<voxels.count { voxels[index] = rule(voxels[index]) }
  }
}
