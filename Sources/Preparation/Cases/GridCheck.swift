// Whether the files of a case lie on one grid. Their headers tell, so a whole data set can be checked before the first case is made.

import Volumes

/// The grid of a case's first channel, with which those of its other files are compared.
struct GridCheck {
  let grid: FileGrid
  /// The file of the first channel.
  let path: String
  /// Whether a label whose origin is a few voxels off is refused.
  let isStrict: Bool

  /// Error: another channel lies on another grid.
  func compare(channel other: FileGrid, _ otherPath: String) throws(PreparationError) {
    if let difference = sameGrid(grid, other) {
      throw PreparationError("The channels \(path) and \(otherPath) \(difference): resample one onto the grid of the other.")
    }
  }

  /// A sentence for a label whose origin is a few voxels off. Error: the label lies on another grid.
  func compare(label: FileGrid, _ labelPath: String) throws(PreparationError) -> [DataWarning] {
    guard let difference = sameGrid(grid, label) else { return [] }
    let pair = "The image \(path) and its label \(labelPath) \(difference)"
    guard difference.isSlight, !isStrict else {
      let remedy =
        difference.kind == .flip
        ? "turn the label round, or correct the header of one" : "draw or resample the label on the grid of the image"
      throw PreparationError("\(pair): \(remedy).")
    }
    return [
      DataWarning(
        .labelOrigin,
        "\(pair): the label was laid on the voxels of the image; correct the header of one if they do not belong together.")
    ]
  }
}

/// The grid of a case's first channel. Errors: a header that cannot be read, files on different grids.
func checkHeaders(images: [String], label: String?, isStrict: Bool) throws(PreparationError) -> FileGrid {
  let first = try readingVolumes { () throws(VolumeError) in try readGrid(images[0]) }
  let check = GridCheck(grid: first, path: images[0], isStrict: isStrict)
  for path in images.dropFirst() {
    try check.compare(channel: try readingVolumes { () throws(VolumeError) in try readGrid(path) }, path)
  }
  if let label { _ = try check.compare(label: try readingVolumes { () throws(VolumeError) in try readGrid(label) }, label) }
  return first
}
