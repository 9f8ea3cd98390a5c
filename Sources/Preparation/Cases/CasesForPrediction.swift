// Before and after the network at prediction: a raw file to a prepared case, and class scores back to labels on the grid of the
// file (MIC-DKFZ/nnUNet, nnunetv2/inference/export_prediction.py). Axes: D depth, H height, W width, K classes; row-major, the last
// axis fastest.

import Foundation
import Volumes

/// A raw case, one file for each channel, prepared as the training data was. Errors: another number of files than the network has channels, and those
/// of reading and checking a case.
/// - Parameters:
///   - label, labels: a label map on the images' grid to prepare with them, and what its values mean.
///   - fits: throws if a prepared image of this extent is too large, before it is made.
public func prepareForPrediction(
  _ identifier: String, images: [String], settings: PreparationSettings, channels: Int, label: String? = nil,
  labels: LabelMeaning = LabelMeaning(classNames: []), fits: (Extent) throws(PreparationError) -> Void = { _ in }
) throws(PreparationError) -> PackedCase {
  try settings.validate()
  guard images.count == channels, channels > 0, settings.planned.map({ $0.channels.count == channels }) ?? true else {
    throw PreparationError(
      "The network has \(channels) channels, but \(images.count) files were given (\(images.joined(separator: ", "))): "
        + "give one file for each channel, in the order of training.")
  }
  return try CasePreparation(settings: settings, labels: labels).prepare(
    identifier: identifier, role: .test, images: images, label: label, fits: fits
  ).packed
}

/// The resampling of a case's scores from the prepared grid (`extent`, `spacing` in mm) to its crop.
public func scoreResampling(
  classes: Int, extent: Extent, spacing: Spacing, frame: CaseFrame, regionLabels: [UInt8]? = nil,
  keepsProbabilities: Bool = false
) -> ScoreResampling {
  ScoreResampling(
    classes: classes, from: extent, spacing: spacing, to: frame.cropExtent, newSpacing: frame.originalSpacing,
    regionLabels: regionLabels, keepsProbabilities: keepsProbabilities)
}

/// What a network says of each voxel of a case on the grid of its file, class by class, or region by region.
public struct ProbabilityMaps {
  private let values: [Float]
  private let frame: CaseFrame
  private let hasBackground: Bool
  /// K: the classes with the background, or the regions.
  public let count: Int
  /// The canonical grid, whose voxels the maps have.
  public var grid: FileGrid { frame.grid.canonical }

  /// - Parameters:
  ///   - cropped: [D, H, W, K] of the crop.
  ///   - hasBackground: whether the first map is that of the background, which lies outside of the crop.
  public init(cropped: [Float], frame: CaseFrame, hasBackground: Bool) {
    (values, self.frame, self.hasBackground) = (cropped, frame, hasBackground)
    count = cropped.count / frame.cropExtent.count
  }

  /// The map of one class, [D, H, W] of the whole volume.
  public subscript(_ number: Int) -> Volume {
    let map = stride(from: number, to: values.count, by: count).map { values[$0] }
    let whole = Window(start: frame.cropStart.map { -$0 }, extent: frame.originalExtent)
    let outside: Float = hasBackground && number == 0 ? 1 : 0, grid = grid
    let voxels = frame.grid.canonicalOrder(of: whole.cut(map, of: frame.cropExtent, padding: [outside]))
    return Volume(extent: grid.extent, spacing: grid.spacing, voxels: voxels, grid: grid)
  }
}

/// Labels of the whole volume, in canonical orientation and order, from those of the crop, pasted into background, axes turned back. `writeLabels` then restores the orientation of
/// the file.
public func restoreLabels(_ cropped: [UInt8], frame: CaseFrame) -> LabelVolume {
  // The whole volume, seen from the crop: everything outside the crop is padding.
  let whole = Window(start: frame.cropStart.map { -$0 }, extent: frame.originalExtent)
  let labels = frame.grid.canonicalOrder(of: whole.cut(cropped, of: frame.cropExtent, padding: [0])), grid = frame.grid.canonical
  return LabelVolume(extent: grid.extent, spacing: grid.spacing, labels: labels, grid: grid)
}
