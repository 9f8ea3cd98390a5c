// One case from its files to its prepared arrays: read, check, crop to non-zero, normalise, resample (the order of MIC-DKFZ/nnUNet,
// nnunetv2/preprocessing/preprocessors/default_preprocessor.py). Training data and raw files for prediction take this same path.
// Axes: D depth, H height, W width, C channels, or the order of a plan; row-major, C fastest. Of the volumes of a case one is in memory at a time.

import Foundation
import Volumes

/// Prepares cases, all with the same settings.
package struct CasePreparation {
  package var settings: PreparationSettings
  /// Labels may hold no other values than these.
  package var labels: LabelMeaning
  /// Whether a label whose origin is a few voxels off that of its image is refused; otherwise it is a warning. The arrays are the same.
  package var isStrict: Bool

  package init(settings: PreparationSettings, labels: LabelMeaning, isStrict: Bool = false) {
    (self.settings, self.labels, self.isStrict) = (settings, labels, isStrict)
  }

  /// The prepared case. Errors: a file that cannot be read, channels or a label on another grid than the first channel, an image that is zero
  /// everywhere, an undeclared label value, an extent at the target spacing that is absurd or does not fit the memory.
  /// - Parameter fits: throws if a prepared image of this extent is too large, before it is made.
  package func prepare(
    identifier: String, role: CaseRole, images: [String], label: String?,
    fits: (Extent) throws(PreparationError) -> Void = { _ in }
  ) throws(PreparationError) -> PreparedCase {
    var content = try CaseContent(
      images: images, label: label, settings.reading(labels: labels, isStrict: isStrict, hasLabel: label != nil))
    let (grid, box) = (content.grid, content.box), target = settings.target(of: content.grid)
    let extent = try preparedExtent(box.extent, grid: grid, channels: images.count, target: target, path: images[0])
    try fits(extent)
    let inside = content.takeMask()
    let (image, intensities) = try resample(&content, images, inside, to: extent, target)
    let frame = CaseFrame(
      originalExtent: grid.extent, originalSpacing: grid.spacing, cropStart: box.start, cropExtent: box.extent, grid: grid)
    let cropped = content.labels.map { box.crop($0, of: grid.extent) }, marksObject = role != .test && settings.marksObject
    let resampled = settings.resample(
      cropped, inside: cropped != nil || marksObject ? inside : nil, of: grid, from: box.extent, to: extent, newSpacing: target)
    var warnings = content.warnings
    if let whole = content.labels, let cropped, let prepared = resampled.labels {
      warnings += LabelLoss(whole: whole, cropped: cropped, resampled: prepared)
        .warnings(of: identifier, classNames: labels.classNames, spacing: target)
    }
    let packed = PackedCase(
      identifier: identifier, role: role, extent: extent, spacing: target, channels: images.count, image: image,
      label: resampled.labels, inside: marksObject ? resampled.inside : nil, frame: frame)
    return PreparedCase(packed: packed, intensities: intensities, warnings: warnings)
  }

  /// The box of every channel on the new grid [D, H, W, C], normalised, and what its raw intensities are.
  private func resample(
    _ content: inout CaseContent, _ images: [String], _ inside: [UInt8]?, to extent: Extent, _ target: Spacing
  ) throws(PreparationError) -> ([Float], [ChannelIntensity]) {
    let (box, grid) = (content.box.extent, content.grid)
    var image: [Float] = [], intensities = [ChannelIntensity?](repeating: nil, count: images.count)
    for channel in content.channelOrder {
      var voxels = try content.cropped(channel)
      intensities[channel] = ChannelIntensity(of: voxels)
      try settings.normalize(&voxels, channel: channel, inside: inside, path: images[channel])
      let resampled = settings.inFileDirections(consume voxels, of: grid, from: box, to: extent) { voxels in
        resampleImage(consume voxels, from: box, spacing: grid.spacing, to: extent, newSpacing: target)
      }
      if images.count == 1 {
        image = resampled
      } else {
        interleave(resampled, channel: channel, of: images.count, into: &image)
      }
    }
    return (image, intensities.compactMap { $0 })
  }
}

/// Puts a channel [D, H, W] into an image [D, H, W, C], which is made if it is empty.
private func interleave(_ voxels: [Float], channel: Int, of channels: Int, into image: inout [Float]) {
  if image.isEmpty { image = [Float](repeating: 0, count: voxels.count * channels) }
  image.withUnsafeMutableBufferPointer { image in
    voxels.withUnsafeBufferPointer { voxels in
      for voxel in 0..<voxels.count { image[voxel * channels + channel] = voxels[voxel] }
    }
  }
}

/// A case and what was found out on the way.
package struct PreparedCase {
  package var packed: PackedCase
  /// Raw intensities of the crop, one for each channel.
  package var intensities: [ChannelIntensity]
  /// Header slips, a label whose origin is a little off, classes that cropping or resampling lost.
  package var warnings: [DataWarning]
}
