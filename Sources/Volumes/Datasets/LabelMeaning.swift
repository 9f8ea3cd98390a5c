// What the values of a data set's label maps mean: classes, regions that may overlap, voxels about which nothing is known (nnU-Net's format:
// MIC-DKFZ/nnUNet, documentation/region_based_training.md and documentation/ignore_label.md).

/// A structure that is learnt and scored as a whole, though its voxels have several labels. Regions may overlap.
public struct LabelRegion: Sendable, Codable, Hashable {
  public var name: String
  /// The first is the one that a prediction paints where it finds the region.
  public var labels: [Int]

  public init(name: String, labels: [Int]) { (self.name, self.labels) = (name, labels) }
}

/// The meaning of the values of label maps.
public struct LabelMeaning: Sendable, Codable, Hashable {
  /// Index = label value; 0 is background.
  public var classNames: [String]
  /// In the order in which a prediction paints them; nil: each class is a structure by itself.
  public var regions: [LabelRegion]?
  /// Whether voxels with the value after the last class, of which nothing is known, are left out of training and of scores.
  public var hasIgnored: Bool

  public init(classNames: [String], regions: [LabelRegion]? = nil, hasIgnored: Bool = false) {
    (self.classNames, self.regions, self.hasIgnored) = (classNames, regions, hasIgnored)
  }

  /// The value of voxels of which nothing is known.
  public var ignored: UInt8? { hasIgnored ? UInt8(classNames.count) : nil }
  /// The greatest value that a label map may hold.
  public var greatest: Int { classNames.count - (hasIgnored ? 0 : 1) }
  /// The names of what is scored, after the background: classes, or regions.
  public var structureNames: [String] { regions.map { ["background"] + $0.map(\.name) } ?? classNames }
  /// The entries that dataset.json has for it, by which nnU-Net estimates a network's memory.
  public var entryCount: Int { structureNames.count + (hasIgnored ? 1 : 0) }
  /// The labels of each structure but the background.
  public var structures: [[Int]] { regions?.map(\.labels) ?? classNames.indices.dropFirst().map { [$0] } }
}
