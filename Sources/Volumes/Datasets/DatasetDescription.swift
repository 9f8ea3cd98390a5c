// The content of dataset.json: channel names and class names (nnU-Net's format: MIC-DKFZ/nnUNet, documentation/dataset_format.md).

import Files
import Foundation

struct DatasetDescription {
  var name: String?
  var channelNames: [String]
  var classNames: [String]
  /// The number of training images that the file promises.
  var trainingCount: Int?
  /// nnU-Net's name of the reader that is asked for.
  var imageReader: String?

  static func read(_ path: String) throws(VolumeError) -> DatasetDescription {
    guard FileManager.default.fileExists(atPath: path) else {
      throw VolumeError("\(path) is missing: a data set folder needs it to name channels and labels (nnU-Net's format).")
    }
    let bytes: [UInt8]
    do throws(FileError) { bytes = try readAll(path, atMost: largestBytes) } catch { throw VolumeError(error.description) }
    guard let content = try? JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any] else {
      throw VolumeError("\(path) is not valid JSON: check it for a missing comma, quote or brace.")
    }
    if content["dataset"] != nil {
      throw VolumeError(
        "\(path) lists its files under 'dataset', which is not supported: put them into imagesTr, labelsTr, imagesUn, imagesTs.")
    }
    let fileEnding = content["file_ending"] as? String ?? ".nii.gz"
    // Whichever of them it names, files of all of these endings are read.
    guard imageEndings.contains(fileEnding.lowercased()) else {
      throw VolumeError("\(path) gives file_ending '\(fileEnding)', which is not supported: convert the files to .nii.gz.")
    }
    return DatasetDescription(
      name: content["name"] as? String, channelNames: try channels(content, path), classNames: try classes(content, path),
      trainingCount: content["numTraining"] as? Int, imageReader: content["overwrite_image_reader_writer"] as? String)
  }

  private static let imageEndings = [".nii.gz", ".nii", ".hdr", ".img"]
  /// More than any description has.
  private static let largestBytes = 64 << 20

  private static func channels(_ content: [String: Any], _ path: String) throws(VolumeError) -> [String] {
    guard let table = (content["channel_names"] ?? content["modality"]) as? [String: String], !table.isEmpty else {
      throw VolumeError("\(path) has no channel_names: add for instance \"channel_names\": {\"0\": \"T1\"}.")
    }
    // The number of a channel has four digits in a file's name.
    guard table.count <= 10_000 else {
      throw VolumeError("\(path) has \(table.count) channel_names, and no more than 10000 can be read: leave out channels.")
    }
    var names: [String] = []
    for index in 0..<table.count {
      guard let name = table[String(index)] else {
        throw VolumeError(
          "\(path) has channel_names without key \"\(index)\": number the channels \"0\", \"1\", ... without gaps.")
      }
      names.append(name)
    }
    return names
  }

  private static func classes(_ content: [String: Any], _ path: String) throws(VolumeError) -> [String] {
    guard let table = content["labels"] as? [String: Any], table.count >= 2 else {
      throw VolumeError("\(path) has no labels: add for instance \"labels\": {\"background\": 0, \"liver\": 1}.")
    }
    var names = [Int: String]()
    for (name, value) in table.sorted(by: { $0.key < $1.key }) {
      if name == "ignore" {
        throw VolumeError(
          "\(path) has a label 'ignore', which is not supported: give those voxels a class or leave out the cases.")
      }
      // The original Medical Segmentation Decathlon files have it the other way round: {"0": "background"}.
      let pair = (value as? Int).map { ($0, name) } ?? (value as? String).flatMap { text in Int(name).map { ($0, text) } }
      guard let (index, className) = pair else {
        throw VolumeError(
          "\(path) gives label '\(name)' no single integer: regions and lists are not supported, so give each class one integer.")
      }
      if let other = names.updateValue(className, forKey: index) {
        throw VolumeError("\(path) gives the labels '\(other)' and '\(className)' the same value \(index): give each its own.")
      }
    }
    guard Set(names.keys) == Set(0..<names.count), names.count <= 256 else {
      let values = names.keys.sorted().map(String.init)
      let text = values.prefix(20).joined(separator: ", ") + (values.count > 20 ? " and \(values.count - 20) more" : "")
      throw VolumeError(
        "\(path) has the label values \(text): they must be 0 (background), 1, 2, ... without gaps, 255 at most.")
    }
    return (0..<names.count).map { names[$0]! }
  }
}
