// What a plan of nnU-Net asks of preparation besides a spacing.

import Volumes

/// The order of axes and the normalisation of each channel, in place of canonical axes and one normalisation for all.
public struct PlannedPreparation: Sendable, Codable, Hashable {
  /// The axes of prepared arrays.
  public var axes: AxisOrder
  public var channels: [ChannelNormalization]
  /// Whether the first axis keeps the spacing of its case, as in plans for 2D networks.
  public var keepsSliceSpacing: Bool
  /// Whether packs tell where the object is, which augmentation asks of channels that are normalised in it alone; nil in packs of earlier versions,
  /// which do not.
  public private(set) var marksObject: Bool?

  public init(axes: AxisOrder, channels: [ChannelNormalization], keepsSliceSpacing: Bool = false) {
    (self.axes, self.channels, self.keepsSliceSpacing) = (axes, channels, keepsSliceSpacing)
    marksObject = channels.contains { $0.usesMask } ? true : nil
  }

  /// What cannot be meant, as a clause; nil if nothing is wrong.
  var complaint: String? {
    if axes.transpose.sorted() != [0, 1, 2] { return "give \(axes.transpose) for the order of three axes" }
    if channels.contains(where: { $0.scheme == .ct && $0.foreground == nil }) {
      return "ask for CT normalisation without the intensities of the data set"
    }
    return nil
  }
}

extension PreparationSettings {
  /// The spacing (mm) of the prepared arrays of a case with this grid.
  func target(of grid: FileGrid) -> Spacing {
    var target = spacing
    if planned?.keepsSliceSpacing == true { target.depth = grid.spacing.depth }
    return target
  }

  /// How the files of a case are read for these settings. Labels need the mask, too: what is outside counts as a class of its own when they are
  /// resampled.
  func reading(labels: LabelMeaning, isStrict: Bool, hasLabel: Bool) -> CaseReading {
    let needsMask = planned.map { planned in hasLabel || planned.channels.contains { $0.usesMask } } ?? false
    return CaseReading(labels: labels, axes: planned?.axes, isStrict: isStrict, keepsMask: needsMask)
  }

  /// Whether packs tell where the object is.
  var marksObject: Bool { planned?.marksObject ?? false }

  /// The labels of a crop on the prepared grid, and where the object is there.
  /// - Parameter inside: 1 where the object is.
  func resample(
    _ labels: [UInt8]?, inside: [UInt8]?, of grid: FileGrid, from: Extent, to: Extent, newSpacing: Spacing
  ) -> (labels: [UInt8]?, inside: [UInt8]?) {
    func resampled(_ labels: [UInt8]) -> [UInt8] {
      inFileDirections(labels, of: grid, from: from, to: to) { labels in
        resampleLabels(
          labels, from: from, spacing: grid.spacing, to: to, newSpacing: newSpacing, rule: planned == nil ? .half : .most)
      }
    }
    guard let labels, let inside, (labels.max() ?? 0) < .max else { return (labels.map(resampled), inside.map(resampled)) }
    // Outside is 0 and classes are one higher meanwhile, as nnU-Net's -1 is lower than they are; it then joins the background.
    let raised = resampled(zip(labels, inside).map { label, isInside in isInside == 0 ? 0 : label + 1 })
    return (raised.map { $0 == 0 ? 0 : $0 - 1 }, raised.map { min($0, 1) })
  }

  /// What `resample` makes of an array whose axes run as those of the file do, brought back. nnU-Net resamples files as they lie: of two slices that are
  /// as near to a new one it takes the one that comes first there, and sums of weights are rounded in the order of the file.
  func inFileDirections<Value: BitwiseCopyable>(
    _ values: consuming [Value], of grid: FileGrid, from: Extent, to: Extent, _ resample: (consuming [Value]) -> [Value]
  ) -> [Value] {
    let flips = (0..<3).filter { grid.flipped[$0] }
    guard planned?.axes.start == .file, from != to, !flips.isEmpty else { return resample(values) }
    let turn = PatchPermutation(quarterTurns: 0, flips: flips), turned = turn.apply(values, extent: from, channels: 1)
    // Of a large volume no more than two arrays exist at a time.
    values = []
    return turn.apply(resample(consume turned), extent: to, channels: 1)
  }

  /// Normalises the crop of a channel of the file `path` in place.
  func normalize(_ voxels: inout [Float], channel: Int, inside: [UInt8]?, path: String) throws(PreparationError) {
    guard let planned else { return normalization.apply(&voxels) }
    try planned.channels[channel].apply(&voxels, inside: inside, path: path)
  }
}
