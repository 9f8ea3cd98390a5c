// The files of a case on their way to arrays: checked against each other, cut to the box that is not zero, one volume in memory at a time.
// Axes: D depth, H height, W width, or in the order of a plan; row-major, the last axis fastest.

import Volumes

/// How the files of a case are read.
package struct CaseReading {
  /// Labels may hold no other values than these.
  package var labels: LabelMeaning
  /// The order of axes; nil for D, H, W.
  package var axes: AxisOrder?
  /// Whether a label whose origin is a few voxels off that of its image is refused; otherwise it is a warning. The arrays are the same.
  package var isStrict: Bool
  /// Whether the object's mask is wanted.
  package var keepsMask: Bool

  package init(labels: LabelMeaning, axes: AxisOrder? = nil, isStrict: Bool = false, keepsMask: Bool = false) {
    (self.labels, self.axes, self.isStrict, self.keepsMask) = (labels, axes, isStrict, keepsMask)
  }
}

/// A case whose files are known to belong together. Channels are read again when they are wanted; only the one read last is kept.
package struct CaseContent {
  /// The grid of the first channel.
  package let grid: FileGrid
  package let box: NonzeroBox
  /// The labels of the whole volume.
  package let labels: [UInt8]?
  /// Header slips, and a label whose origin is a little off.
  package private(set) var warnings: [DataWarning] = []
  private let images: [String]
  private let axes: AxisOrder?
  private var mask: NonzeroMask?
  private var last: (channel: Int, voxels: [Float])?

  package var channels: Int { images.count }

  /// The channels in an order that reads none of them once more than needed.
  package var channelOrder: [Int] { Array(0..<channels).reversed() }

  /// Reads every channel once, and the label. Errors: a file that cannot be read, channels or a label on another grid than the first channel, an
  /// image that is zero everywhere, an undeclared label value.
  package init(images: [String], label: String?, _ reading: CaseReading) throws(PreparationError) {
    var check: GridCheck?, bounds = NonzeroBounds()
    for (channel, path) in images.enumerated() {
      last = nil
      let volume = try readingVolumes { () throws(VolumeError) in try readVolume(path, axes: reading.axes) }
      if let check {
        try check.compare(channel: volume.grid, path)
      } else {
        check = GridCheck(grid: volume.grid, path: path, isStrict: reading.isStrict)
        if reading.keepsMask { mask = NonzeroMask(volume.extent) }
      }
      warnings += volume.grid.warnings(of: path)
      bounds.include(volume.voxels, extent: volume.extent)
      mask?.include(volume.voxels)
      last = (channel, volume.voxels)
    }
    guard let check else { fatalError("a case without images; give one file for each channel") }
    (grid, self.images, axes) = (check.grid, images, reading.axes)
    if let label {
      let found = try readLabel(label, check, reading)
      labels = found.labels
      warnings += found.warnings
    } else {
      labels = nil
    }
    guard let box = bounds.box else {
      throw PreparationError("\(images[0]) holds only zeros: replace the file, or remove the case.")
    }
    self.box = box
  }

  /// The voxels of a channel in the box.
  package mutating func cropped(_ channel: Int) throws(PreparationError) -> [Float] {
    let known = last?.channel == channel ? last?.voxels : nil
    last = nil
    if let known { return box.crop(known, of: grid.extent) }
    let volume = try readingVolumes { () throws(VolumeError) in try readVolume(images[channel], axes: axes) }
    return box.crop(volume.voxels, of: grid.extent)
  }

  /// The object in the box: 1 where a voxel of any channel is not zero, in the holes among these, and where a class is; and forgets it.
  mutating func takeMask() -> [UInt8]? {
    guard let whole = mask?.inside else { return nil }
    mask = nil
    var inside = box.crop(whole, of: grid.extent)
    fillHoles(&inside, extent: box.extent)
    if let labels {
      let classes = box.crop(labels, of: grid.extent)
      for index in inside.indices where classes[index] > 0 { inside[index] = 1 }
    }
    return inside
  }
}

/// The labels of the whole volume, on the grid of `check`.
private func readLabel(
  _ path: String, _ check: GridCheck, _ reading: CaseReading
) throws(PreparationError) -> (labels: [UInt8], warnings: [DataWarning]) {
  let label = try readingVolumes { () throws(VolumeError) in try readLabels(path, axes: reading.axes) }
  let warnings = label.grid.warnings(of: path) + (try check.compare(label: label.grid, path))
  if let greatest = label.labels.max(), greatest > reading.labels.greatest {
    throw PreparationError(
      "\(path) holds the label value \(greatest), but dataset.json declares only 0 to \(reading.labels.greatest): "
        + "declare the class or correct the file.")
  }
  return (label.labels, warnings)
}

/// Runs `body`, passing the errors of volumes on as those of preparation.
package func readingVolumes<Result>(_ body: () throws(VolumeError) -> Result) throws(PreparationError) -> Result {
  do throws(VolumeError) { return try body() } catch { throw PreparationError(error.description) }
}
