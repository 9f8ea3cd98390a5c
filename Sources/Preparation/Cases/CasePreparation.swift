// One case from its files to its prepared arrays: read, check, crop to non-zero, normalise, resample (the order of MIC-DKFZ/nnUNet,
// nnunetv2/preprocessing/preprocessors/default_preprocessor.py). Training data and raw files for prediction take this same path.
// Axes: D depth, H height, W width, C channels; row-major, C fastest.

import Foundation
import Volumes

/// Prepares cases, all with the same settings.
struct CasePreparation {
  var settings: PreparationSettings
  /// Index = label value; labels may hold no other.
  var classNames: [String]

  /// The prepared case. Errors: a file that cannot be read, channels or a label on another grid than the first channel, an image that is zero
  /// everywhere, an undeclared label value.
  /// - Parameter fits: throws if so many prepared voxels are too many, before they are made.
  func prepare(
    identifier: String, role: CaseRole, images: [String], label: String?,
    fits: (_ voxels: Double) throws(PreparationError) -> Void = { _ in }
  ) throws(PreparationError) -> PackedCase {
    let volumes = try readChannels(images)
    let (first, path) = (volumes[0], images[0])
    let labels = try readLabel(label, matching: first, path: path)
    guard let box = NonzeroBox(volumes.map(\.voxels), extent: first.extent) else {
      throw PreparationError("\(path) holds only zeros: replace the file, or remove the case.")
    }
    try fits(resampledCount(box.extent, spacing: first.spacing, target: settings.spacing))
    let extent = resampledExtent(box.extent, spacing: first.spacing, target: settings.spacing)
    let image = interleave(volumes.map { volume in resample(volume, box, to: extent) })
    let frame = CaseFrame(
      originalExtent: first.extent, originalSpacing: first.spacing, cropStart: box.start, cropExtent: box.extent,
      grid: first.grid)
    let label = labels.map { labels in
      resampleLabels(
        box.crop(labels, of: first.extent), from: box.extent, spacing: first.spacing, to: extent, newSpacing: settings.spacing)
    }
    return PackedCase(
      identifier: identifier, role: role, extent: extent, spacing: settings.spacing, channels: images.count, image: image,
      label: label, frame: frame)
  }

  private func readChannels(_ images: [String]) throws(PreparationError) -> [Volume] {
    var volumes: [Volume] = []
    for path in images {
      let volume = try readingVolumes { () throws(VolumeError) in try readVolume(path) }
      if let first = volumes.first, let difference = sameGrid(first.grid, volume.grid) {
        throw PreparationError(
          "The channels \(images[0]) and \(path) \(difference): resample one onto the grid of the other.")
      }
      volumes.append(volume)
    }
    return volumes
  }

  /// The labels [D, H, W] of the whole volume.
  private func readLabel(_ path: String?, matching image: Volume, path imagePath: String) throws(PreparationError) -> [UInt8]? {
    guard let path else { return nil }
    let label = try readingVolumes { () throws(VolumeError) in try readLabels(path) }
    if let difference = sameGrid(image.grid, label.grid) {
      throw PreparationError(
        "The image \(imagePath) and its label \(path) \(difference): draw or resample the label on the grid of the image.")
    }
    if let greatest = label.labels.max(), greatest >= classNames.count {
      throw PreparationError(
        "\(path) holds the label value \(greatest), but dataset.json declares only 0 to \(classNames.count - 1): "
          + "declare the class or correct the file.")
    }
    return label.labels
  }

  private func resample(_ volume: Volume, _ box: NonzeroBox, to extent: Extent) -> [Float] {
    var voxels = box.crop(volume.voxels, of: volume.extent)
    settings.normalization.apply(&voxels)
    return resampleImage(voxels, from: box.extent, spacing: volume.spacing, to: extent, newSpacing: settings.spacing)
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

/// Runs `body`, passing the errors of volumes on as those of preparation.
func readingVolumes<Result>(_ body: () throws(VolumeError) -> Result) throws(PreparationError) -> Result {
  do throws(VolumeError) { return try body() } catch { throw PreparationError(error.description) }
}
