// The raw intensities of a channel in three numbers, by which a case of another modality or scale stands out among its data set.

/// Raw intensities of the voxels of a channel that are not zero.
public struct ChannelIntensity: Sendable, Hashable, Codable {
  public var mean: Double
  public var standardDeviation: Double
  /// The share of voxels below zero, 0 to 1.
  public var negativeShare: Double

  public init(mean: Double, standardDeviation: Double, negativeShare: Double) {
    (self.mean, self.standardDeviation, self.negativeShare) = (mean, standardDeviation, negativeShare)
  }

  /// Those of `voxels`; all 0 where every voxel is.
  public init(of voxels: [Float]) {
    var (sum, squares, count, negative) = (0.0, 0.0, 0, 0)
    voxels.withUnsafeBufferPointer { voxels in
      for index in 0..<voxels.count where voxels[index] != 0 {
        let value = Double(voxels[index])
        sum += value
        squares += value * value
        count += 1
        negative += value < 0 ? 1 : 0
      }
    }
    let number = Double(max(count, 1))
    mean = sum / number
    standardDeviation = max(0, squares / number - mean * mean).squareRoot()
    negativeShare = Double(negative) / number
  }
}
