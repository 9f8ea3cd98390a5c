// Label maps compared by what a data set says of their values: voxels of which nothing is known count nowhere, and regions that overlap are compared
// one by one. Arrays [D, H, W].

import Volumes

/// Two label maps of one case, ready to be compared.
public struct LabelPair {
  /// Without the voxels of which nothing is known: those are background in both.
  public private(set) var prediction, reference: [UInt8]
  private let extent: Extent
  private let regions: [LabelRegion]?
  /// How many voxels count.
  public let voxels: Int

  /// - Parameters: prediction and reference [D, H, W] = `extent`, whose values have the meaning `labels`.
  public init(prediction: [UInt8], reference: [UInt8], extent: Extent, _ labels: LabelMeaning) {
    (self.prediction, self.reference, self.extent, regions) = (prediction, reference, extent, labels.regions)
    guard let ignored = labels.ignored else {
      voxels = reference.count
      return
    }
    var left = reference.count
    for voxel in reference.indices where reference[voxel] == ignored {
      (self.prediction[voxel], self.reference[voxel]) = (0, 0)
      left -= 1
    }
    voxels = left
  }

  /// One comparison of all classes; or one for each region, in which the region's label is its number, from 1.
  public var comparisons: [LabelComparison] {
    guard let regions else { return [LabelComparison(prediction: prediction, reference: reference, extent: extent)] }
    return regions.enumerated().map { number, region in
      var table = [UInt8](repeating: 0, count: 256)
      for label in region.labels { table[label] = UInt8(number + 1) }
      return LabelComparison(
        prediction: prediction.map { table[Int($0)] }, reference: reference.map { table[Int($0)] }, extent: extent)
    }
  }
}
