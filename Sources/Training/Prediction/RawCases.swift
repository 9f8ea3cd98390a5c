// The raw cases of a file or folder: which files make a case, and under what name its label map is written. Nothing is left out in silence.

import Files
import Foundation
import Volumes

/// One raw case: a file for each channel.
public struct RawCase: Sendable, Equatable {
  public let identifier: String
  public let images: [String]

  public init(identifier: String, images: [String]) { (self.identifier, self.images) = (identifier, images) }
}

/// The cases of an input.
public struct RawCases: Sendable, Equatable {
  /// Sorted by identifier, which no two share.
  public let cases: [RawCase]
  /// What should be said of how names were read; nil where they leave no doubt.
  public let note: String?

  /// Finds the cases of a file or folder.
  ///
  /// With several channels names end in _0000, _0001, ... as in nnU-Net. With one, such a number is a channel if every name ends in _0000; else
  /// it is part of the name.
  /// - Parameter output: a folder, perhaps in that of the images, which is not data.
  /// Errors: no image; files and folders that look like data but cannot be read; two files for one case; missing or unknown channels.
  public init(in path: String, channels: Int, output: String? = nil) throws {
    let found = try Self.images(in: path, channels: channels, output: output)
    if channels > 1 {
      (cases, note) = (try Self.grouped(found, channels: channels, in: path), nil)
      return
    }
    let numbers = found.map { channelNumber($0.stem) }
    let areChannels = numbers.allSatisfy { $0?.channel == 0 }
    cases = zip(found, numbers).map { RawCase(identifier: areChannels ? $1!.base : $0.stem, images: [$0.path]) }
      .sorted { $0.identifier < $1.identifier }
    note =
      !areChannels && numbers.contains { $0 != nil }
      ? "the names of \(path) are taken whole: a number at their end would be a channel if all ended in _0000." : nil
  }

  /// The images of a folder, or of one file with the other channels beside it.
  private static func images(in path: String, channels: Int, output: String?) throws -> [ImageFile] {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw TrainingError("there is no file or folder \(path): check --input.")
    }
    if isFolder.boolValue { return try readableImages(of: path, passingOver: output) }
    guard let file = ImageFile(path: path) else {
      throw TrainingError(
        "\(path) is no image by its name: give a file ending in \(imageEndings.joined(separator: ", ")), or convert it to one.")
    }
    if channels == 1 { return [file] }
    guard let base = channelNumber(file.stem)?.base else {
      throw TrainingError(
        "\(path) has no channel number, but the network has \(channels) channels: name its files \(file.stem)_0000 and so on.")
    }
    let folder = parentFolder(of: path)
    return try ImageFolder(folder.isEmpty ? "." : folder).images.filter { channelNumber($0.stem)?.base == base }
  }

  /// The cases of files with channel numbers, in the order of the channels.
  private static func grouped(_ files: [ImageFile], channels: Int, in path: String) throws -> [RawCase] {
    var problems: [String] = [], members: [String: [Int: String]] = [:]
    for file in files {
      guard let (base, channel) = channelNumber(file.stem) else {
        problems.append("\(file.name) has no channel number")
        continue
      }
      if channel >= channels { problems.append("\(file.name) is a channel that the network does not have") }
      members[base, default: [:]][channel] = file.path
    }
    let expected = Set(0..<channels)
    for (base, present) in members.sorted(by: { $0.key < $1.key }) {
      for missing in expected.subtracting(present.keys).sorted() {
        problems.append("\(base) has no file of channel \(missing), \(base)_\(fourDigits(missing))")
      }
    }
    guard problems.isEmpty else {
      let number = "the network has \(channels) channels, _0000 to _\(fourDigits(channels - 1))"
      throw TrainingError(
        (["\(path) does not hold one file of each channel for every case (\(number)): add, rename or remove these files."]
          + problems.map { "  \($0)" }).joined(separator: "\n"))
    }
    return members.sorted { $0.key < $1.key }.map { base, present in
      RawCase(identifier: base, images: (0..<channels).map { present[$0]! })
    }
  }
}

/// "t01_0002" as case "t01" and channel 2; nil for a name that does not end in four digits.
func channelNumber(_ stem: String) -> (base: String, channel: Int)? {
  let digits = stem.suffix(4)
  guard stem.count > 5, digits.allSatisfy({ $0.isASCII && $0.isNumber }), stem.dropLast(4).last == "_", let channel = Int(digits)
  else { return nil }
  return (String(stem.dropLast(5)), channel)
}

private func fourDigits(_ channel: Int) -> String { String(repeating: "0", count: max(0, 4 - "\(channel)".count)) + "\(channel)" }

/// The images of a folder in which everything that looks like data is one.
/// - Parameter output: a folder, perhaps in it, which is not data.
func readableImages(of folder: String, passingOver output: String? = nil) throws -> [ImageFile] {
  let listing = try ImageFolder(folder)
  let unread = listing.unread.map { join(folder, $0) }.filter { entry in !(output.map { isInside($0, entry) } ?? false) }
  guard unread.isEmpty else {
    throw TrainingError(
      sentence(
        about: unread, one: "cannot be read as an image", many: "files and folders in \(folder) cannot be read as images",
        cure: "convert \(unread.count == 1 ? "it" : "them") to .nii.gz, or move \(unread.count == 1 ? "it" : "them") away"))
  }
  guard !listing.images.isEmpty else {
    throw TrainingError("\(folder) holds no image (a file ending in \(imageEndings.joined(separator: ", "))): check the path.")
  }
  return listing.images
}

func join(_ folder: some StringProtocol, _ name: some StringProtocol) -> String {
  folder.isEmpty ? String(name) : folder.hasSuffix("/") ? "\(folder)\(name)" : "\(folder)/\(name)"
}
