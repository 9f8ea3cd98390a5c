// What an import finds before it reads a voxel: cases, and where their images and labels lie.

import Volumes

/// A case of others' data.
struct FoundCase {
  var identifier: String
  /// One for each channel, in their order.
  var images: [VoxelSource]
  /// nil where there is none, or where it must not be looked at.
  var label: VoxelSource?
  var role = CaseRole.unlabelled
}

/// A data set as it was found.
struct FoundDataset {
  var channelNames: [String]
  /// nil: classes that are called by the values that occur.
  var labels: LabelMeaning?
  var values = LabelValues.declared
  var cases: [FoundCase]
  /// What people must know about it, a sentence each.
  var notes: [String] = []
}

/// What becomes of the values of labels.
enum LabelValues {
  /// They are those of the data set's labels.
  case declared
  /// Each becomes another one; others than these and 0 are refused.
  case known([UInt8: UInt8])
  /// Those that occur become 1, 2, ... in their order, where they are not so already.
  case numbered
}

/// Where the voxels of an image or a label lie.
enum VoxelSource {
  /// A file of one volume, which can be taken as it is.
  case file(String)
  /// Such a file in NIfTI that the import itself has made and may move.
  case made(String)
  /// One of several volumes along the fourth axis of a file.
  case volume(String, number: Int)
  /// An array of an HDF5 file.
  case array(StoredArray)
}

extension VoxelSource {
  var path: String {
    switch self {
    case .file(let path), .made(let path), .volume(let path, _): path
    case .array(let array): array.path
    }
  }

  func grid() throws(PreparationError) -> FileGrid {
    switch self {
    case .file(let path), .made(let path): try readingVolumes { () throws(VolumeError) in try readGrid(path) }
    case .volume(let path, let number): try readingVolumes { () throws(VolumeError) in try readGrid(path, number: number) }
    case .array(let array): array.grid
    }
  }

  func volume() throws(PreparationError) -> Volume {
    switch self {
    case .file(let path), .made(let path): try readingVolumes { () throws(VolumeError) in try readVolume(path) }
    case .volume(let path, let number): try readingVolumes { () throws(VolumeError) in try readVolume(path, number: number) }
    case .array(let array): Volume(extent: array.extent, spacing: array.spacing, voxels: try array.voxels(), grid: array.grid)
    }
  }

  /// Label maps lie in files of one volume or in arrays. Error: values that are no whole numbers from 0 to 255.
  func labels() throws(PreparationError) -> LabelVolume {
    guard case .array(let array) = self else { return try readingVolumes { () throws(VolumeError) in try readLabels(path) } }
    let voxels = try array.voxels()
    if let offender = voxels.first(where: { $0 != $0.rounded() || !(0...255).contains($0) }) {
      throw PreparationError(
        "\(path) holds the label \(offender): labels are whole numbers from 0 to 255, so correct the data set \(array.name).")
    }
    return LabelVolume(extent: array.extent, spacing: array.spacing, labels: voxels.map { UInt8($0) }, grid: array.grid)
  }
}
