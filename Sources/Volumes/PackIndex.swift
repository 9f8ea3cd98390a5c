// The index of a folder of packs, `packs.json`: which case lies in which pack, how it was prepared, and the checksums of its arrays.
// Format `cohort-pack/1`; the file carries a checksum of itself.

import Files

/// One case in the index.
public struct PackEntry: Sendable, Codable, Hashable {
  public var identifier: String
  public var role: CaseRole
  /// Voxels of the prepared arrays, which `spacing` (mm) and `channels` describe, too.
  public var extent: Extent
  public var spacing: Spacing
  public var channels: Int
  public var hasLabel: Bool
  public var frame: CaseFrame
  /// A hash of the source files: the case is prepared again when it changes.
  public var sourceHash: String
  /// The pack's file name, and the number of the case in it.
  public var pack: String
  public var position: Int
  /// CRC-32 of the arrays in memory, hexadecimal; empty where there is no label.
  public var imageChecksum: String
  public var labelChecksum: String
  /// Voxels of each label value, from 0 (background) to the greatest that occurs; empty where there is no label.
  public var foregroundCount: [Int]
}

/// All cases of a folder of packs.
public struct PackIndex: Sendable, Codable, Hashable {
  public static let format = "cohort-pack/1"
  public static let fileName = "packs.json"

  public var format: String
  /// The minor version: readers ignore what newer minor versions add.
  public var version: Int
  /// The settings of the preparation (a hash or JSON): packs made with other settings are not mixed.
  public var preparation: String
  public var classNames: [String]
  public var channelNames: [String]
  public var entries: [PackEntry]

  public init(preparation: String, classNames: [String], channelNames: [String], entries: [PackEntry] = []) {
    (self.format, self.version) = (Self.format, 1)
    (self.preparation, self.classNames, self.channelNames, self.entries) = (preparation, classNames, channelNames, entries)
  }

  public subscript(identifier: String) -> PackEntry? { entries.first { $0.identifier == identifier } }

  /// Reads the index of `folder` and checks its checksum and format.
  public init(folder: String) throws(VolumeError) {
    let path = "\(folder)/\(Self.fileName)"
    do throws(FileError) {
      self = try unseal(try readAll(path), as: PackIndex.self, path: path)
    } catch {
      throw VolumeError("\(error.description) Packs are made by `cohort prepare`.")
    }
    guard format == Self.format else {
      throw VolumeError(
        "\(path) has format \(format) where this version reads \(Self.format). Prepare the data again, or update Cohort.")
    }
  }

  func write(to folder: String) throws(VolumeError) {
    do throws(FileError) {
      try writeDurably(try seal(self), to: "\(folder)/\(Self.fileName)")
    } catch { throw VolumeError(error.description) }
  }
}
