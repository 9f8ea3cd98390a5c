// One case from its files to its prepared arrays: read, check, crop to non-zero, normalise, resample (the order of MIC-DKFZ/nnUNet,
// nnunetv2/preprocessing/preprocessors/default_preprocessor.py). Training data and raw files for prediction take this same path.
// Axes: D depth, H height, W width, C channels; row-major, C fastest.

import Foundation
import Volumes

/// Prepares cases, all with the same settings.
package struct CasePreparation {
  package var settings: PreparationSettings
  /// Index = label value; labels may hold no other.
  package var classNames: [String]
  /// Whether a label whose origin is a few voxels off that of its image is refused; otherwise it is a warning. The arrays are the same.
  package var isStrict: Bool

  package init(settings: PreparationSettings, classNames: [String], isStrict: Bool = false) {
    (self.settings, self.classNames, self.isStrict) = (settings, classNames, isStrict)
  }

  /// The prepared case. Errors: a file that cannot be read, channels or a label on another grid than the first channel, an image that is zero
  /// everywhere, an undeclared label value, an extent at the target spacing that is absurd or does not fit the memory.
  /// - Parameter fits: throws if a prepared image of this extent is too large, before it is made.
  package func prepare(
    identifier: String, role: CaseRole, images: [String], label: String?,
    fits: (Extent) throws(PreparationError) -> Void = { _ in }
  ) throws(PreparationError) -> PreparedCase {
    let volumes = try readChannels(images)
    let (first, path) = (volumes[0], images[0])
    var warnings = zip(volumes, images).flatMap { $0.grid.warnings(of: $1) }
    let labels = try label.map { (label) throws(PreparationError) in
      try readLabel(label, matching: first, path: path, warnings: &warnings)
    }
    guard let box = NonzeroBox(volumes.map(\.voxels), extent: first.extent) else {
      throw PreparationError("\(path) holds only zeros: replace the file, or remove the case.")
    }
    let extent = try preparedExtent(box.extent, grid: first.grid, channels: images.count, target: settings.spacing, path: path)
    try fits(extent)
    let (image, intensities) = resample(volumes, box, to: extent)
    let frame = CaseFrame(
      originalExtent: first.extent, originalSpacing: first.spacing, cropStart: box.start, cropExtent: box.extent,
      grid: first.grid)
    let prepared = labels.map { labels in
      let cropped = box.crop(labels, of: first.extent)
      let resampled = resampleLabels(
        cropped, from: box.extent, spacing: first.spacing, to: extent, newSpacing: settings.spacing)
      warnings += LabelLoss(whole: labels, cropped: cropped, resampled: resampled)
        .warnings(of: identifier, classNames: classNames, spacing: settings.spacing)
      return resampled
    }
    let packed = PackedCase(
      identifier: identifier, role: role, extent: extent, spacing: settings.spacing, channels: images.count, image: image,
      label: prepared, frame: frame)
    return PreparedCase(packed: packed, intensities: intensities, warnings: warnings)
  }

  private func readChannels(_ images: [String]) throws(PreparationError) -> [Volume] {
    var volumes: [Volume] = []
    for path in images {
      let volume = try readingVolumes { () throws(VolumeError) in try readVolume(path) }
      if let first = volumes.first { try gridCheck(first, images[0]).compare(channel: volume.grid, path) }
      volumes.append(volume)
    }
    return volumes
  }

  /// The labels [D, H, W] of the whole volume.
  private func readLabel(
    _ path: String, matching image: Volume, path imagePath: String, warnings: inout [DataWarning]
  ) throws(PreparationError) -> [UInt8] {
    let label = try readingVolumes { () throws(VolumeError) in try readLabels(path) }
    warnings += label.grid.warnings(of: path)
    warnings += try gridCheck(image, imagePath).compare(label: label.grid, path)
    if let greatest = label.labels.max(), greatest >= classNames.count {
      throw PreparationError(
        "\(path) holds the label value \(greatest), but dataset.json declares only 0 to \(classNames.count - 1): "
          + "declare the class or correct the file.")
    }
    return label.labels
  }

  private func gridCheck(_ first: Volume, _ path: String) -> GridCheck {
    GridCheck(grid: first.grid, path: path, isStrict: isStrict)
  }

  /// The box of every channel on the new grid [D, H, W, C], normalised, and what its raw intensities are.
  private func resample(_ volumes: [Volume], _ box: NonzeroBox, to extent: Extent) -> ([Float], [ChannelIntensity]) {
    var channels: [[Float]] = [], intensities: [ChannelIntensity] = []
    for volume in volumes {
      var voxels = box.crop(volume.voxels, of: volume.extent)
      intensities.append(ChannelIntensity(of: voxels))
      settings.normalization.apply(&voxels)
      channels.append(
        resampleImage(voxels, from: box.extent, spacing: volume.spacing, to: extent, newSpacing: settings.spacing))
    }
    return (interleave(channels), intensities)
  }

  /// Channels [D, H, W] to one image [D, H, W, C].
  private func interleave(_ channels: [[Float]]) -> [Float] {
    guard channels.count > 1 else { return channels[0] }
    var image = [Float](repeating: 0, count: channels[0].count * channels.count)
    for (channel, voxels) in channels.enumerated() {
      image.withUnsafeMutableBufferPointer { image in
        voxels.withUnsafeBufferPointer { voxels in
          for voxel in 0..<voxels.count { image[voxel * channels.count + channel] = voxels[voxel] }
        }
      }
    }
    return image
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

/// Runs `body`, passing the errors of volumes on as those of preparation.
func readingVolumes<Result>(_ body: () throws(VolumeError) -> Result) throws(PreparationError) -> Result {
  do throws(VolumeError) { return try body() } catch { throw PreparationError(error.description) }
}
