// The volumes among which `cohort choose` chooses: those of packs, or of a data set folder, in which nothing need be labelled yet.

import Files
import Foundation
import Registration
import Volumes

/// A volume that may be chosen.
public struct ChoiceVolume: Sendable {
  public let identifier: String
  /// Its images, or its pack.
  public let files: [String]
  let extent: Extent
  let spacing: Spacing
}

/// The training volumes of a data set, labelled or not, sorted by identifier; test cases are left out.
public struct ChoiceSource: Sendable {
  public let volumes: [ChoiceVolume]
  /// What the user should know of the folder.
  public let warnings: [String]
  /// The reader of packs; nil for a data set folder.
  private let packs: PackReader?

  /// - Parameter folder: packs, or a data set in nnU-Net's raw layout whose images may all be without a label.
  /// Errors: neither; a header that cannot be read; no training volume.
  public init(_ folder: String) throws {
    if FileManager.default.fileExists(atPath: "\(folder)/\(PackIndex.fileName)") {
      let reader = try PackReader(folder: folder)
      (packs, warnings) = (reader, [])
      volumes = reader.index.entries.filter { $0.role != .test }.sorted { $0.identifier < $1.identifier }.map {
        ChoiceVolume(identifier: $0.identifier, files: ["\(folder)/\($0.pack)"], extent: $0.extent, spacing: $0.spacing)
      }
    } else {
      let dataset = try Dataset.open(folder, needsLabels: false)
      (packs, warnings) = (nil, dataset.warnings)
      volumes = try dataset.cases.filter { $0.role != .test }.map { item in
        let grid = try readGrid(item.images[0]).canonical
        return ChoiceVolume(identifier: item.identifier, files: item.images, extent: grid.extent, spacing: grid.spacing)
      }
    }
    guard volumes.count > 1 else {
      throw TrainingError(
        "\(folder) has \(counted(volumes.count, "training volume")), so there is nothing to choose: add images to imagesUn.")
    }
  }

  func image(_ volume: ChoiceVolume) throws -> RegistrationImage {
    if let packs { return RegistrationImage(try packs.read(volume.identifier)) }
    let channels = try volume.files.map { try readVolume($0) }
    for (path, channel) in zip(volume.files, channels).dropFirst() {
      if let difference = sameGrid(channels[0].grid, channel.grid), !difference.isSlight {
        throw TrainingError("\(volume.files[0]) and \(path) \(difference): resample one onto the grid of the other.")
      }
    }
    return RegistrationImage(channels: channels)
  }
}
