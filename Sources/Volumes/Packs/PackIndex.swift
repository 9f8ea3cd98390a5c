// The index of a folder of packs, `packs.json`: which data set they were made from and how, which case lies in which pack, the checksums of its
// arrays, and which cases are missing. Format `cohort-pack/2`; the file carries a checksum of itself.

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
  /// Raw intensities of each channel.
  public var intensities: [ChannelIntensity]
  /// A hash of the source files: the case is prepared again when it changes.
  public var sourceHash: String
  /// The name of its file.
  public var pack: String
  /// CRC-32 of the arrays in memory, hexadecimal; empty where there is no label.
  public var imageChecksum: String
  public var labelChecksum: String
  /// CRC-32 of where the object is; nil where that is not known.
  public var insideChecksum: String?
  /// Voxels of each label value, from 0 (background) to the greatest that occurs; empty where there is no label.
  public var foregroundCount: [Int]
  /// Whose volume it is; nil where the data set does not tell.
  public var origin: CaseOrigin?
}

/// A case of the data set that no pack holds, because it could not be prepared.
public struct OmittedCase: Sendable, Codable, Hashable {
  public var identifier: String
  public var role: CaseRole
  /// One sentence that names the file and what to do.
  public var reason: String

  public init(identifier: String, role: CaseRole, reason: String) {
    (self.identifier, self.role, self.reason) = (identifier, role, reason)
  }
}

/// All cases of a folder of packs.
public struct PackIndex: Sendable, Codable, Hashable {
  public static let format = "cohort-pack/2"
  public static let fileName = "packs.json"

  public var format: String
  /// The real path of the data set's folder; empty where the packs were not made from one.
  public var dataset: String
  /// The settings of the preparation (a hash or JSON): packs made with other settings are not mixed.
  public var preparation: String
  public var classNames: [String]
  /// The regions that labels make up, and whether there is a label for voxels of which nothing is known; nil for none, as in older packs.
  private var regions: [LabelRegion]?
  private var hasIgnored: Bool?
  public var channelNames: [String]
  public var entries: [PackEntry]
  /// The cases that are missing. Whoever trains on the packs is to be told.
  public var omitted: [OmittedCase]
  /// Packs of earlier preparations that no entry refers to; they are deleted when nobody reads them any more.
  var replaced: [String]

  public init(
    preparation: String, labels: LabelMeaning, channelNames: [String], dataset: String = "", entries: [PackEntry] = []
  ) {
    (self.format, self.dataset, self.preparation) = (Self.format, dataset, preparation)
    (classNames, regions, hasIgnored) = (labels.classNames, labels.regions, labels.hasIgnored ? true : nil)
    (self.channelNames, self.entries) = (channelNames, entries)
    (omitted, replaced) = ([], [])
  }

  /// What the values of labels mean.
  public var labels: LabelMeaning {
    LabelMeaning(classNames: classNames, regions: regions, hasIgnored: hasIgnored ?? false)
  }

  /// The phases of its cases, sorted; empty where the data set tells none.
  public var phases: [String] { Set(entries.compactMap { $0.origin?.phase }).sorted() }

  public subscript(identifier: String) -> PackEntry? { entries.first { $0.identifier == identifier } }

  /// Reads the index of `folder`. Errors: it is missing or damaged, of another version, or says what cannot be true.
  public init(folder: String) throws(VolumeError) {
    let path = "\(folder)/\(Self.fileName)"
    do throws(FileError) {
      self = try Self(sealed: try readAll(path, atMost: largestIndexBytes), path: path)
    } catch {
      throw VolumeError("\(error.description) Packs are made by `cohort prepare`.")
    }
  }

  /// The index in `bytes`; `path` names their file in errors.
  init(sealed bytes: [UInt8], path: String) throws(FileError) {
    struct Version: Codable { var format: String }
    let format = try unseal(bytes, as: Version.self, path: path).format
    guard format == Self.format else {
      throw FileError(
        "\(path) has format \(format) where this version of Cohort reads \(Self.format): prepare the data again into another folder."
      )
    }
    self = try unseal(bytes, as: PackIndex.self, path: path)
    if let complaint {
      throw FileError("\(path) \(complaint): it was forged or damaged, so prepare the data again into another folder.")
    }
  }

  func write(to folder: String) throws(VolumeError) {
    do throws(FileError) {
      try writeDurably(try seal(self), to: "\(folder)/\(Self.fileName)")
    } catch { throw VolumeError(error.description) }
  }
}

/// More than the index of a hundred thousand cases.
private let largestIndexBytes = 1 << 30

/// The file name of a pack: "pack-00012.h5".
enum PackName {
  static func text(_ number: Int) -> String {
    let digits = String(number)
    return "pack-" + String(repeating: "0", count: max(0, 5 - digits.count)) + digits + ".h5"
  }

  /// The number in a name, and nil for a name that `text` does not make.
  static func number(_ name: String) -> Int? {
    guard name.hasPrefix("pack-"), name.hasSuffix(".h5"), let number = Int(name.dropFirst(5).dropLast(3)), number >= 0,
      number < 1 << 40, text(number) == name
    else { return nil }
    return number
  }
}
