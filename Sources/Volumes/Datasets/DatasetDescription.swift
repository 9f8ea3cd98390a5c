// The content of dataset.json: channel names and class names (nnU-Net's format: MIC-DKFZ/nnUNet, documentation/dataset_format.md).

import Files
import Foundation

package struct DatasetDescription {
  var name: String?
  package var channelNames: [String]
  package var labels: LabelMeaning
  /// The number of training images that the file promises.
  var trainingCount: Int?
  /// nnU-Net's name of the reader that is asked for.
  var imageReader: String?
  /// The training and test images that the file lists, as those of nnU-Net 1 and of the Medical Segmentation Decathlon do, by their names.
  package var listedTraining, listedTest: Set<String>
  /// The training cases that it lists with their files in place of those of imagesTr.
  var listedCases: [ListedCase]?

  package static func read(_ path: String) throws(VolumeError) -> DatasetDescription {
    guard FileManager.default.fileExists(atPath: path) else {
      throw VolumeError(
        "\(path) is missing: a data set folder needs it to name channels and labels (nnU-Net's format); `cohort import folder` makes it from images and labels, and `cohort import --help` lists the layouts of public data sets."
      )
    }
    let bytes: [UInt8]
    do throws(FileError) { bytes = try readAll(path, atMost: largestBytes) } catch { throw VolumeError(error.description) }
    guard let content = try? JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any] else {
      throw VolumeError("\(path) is not valid JSON: check it for a missing comma, quote or brace.")
    }
    let fileEnding = content["file_ending"] as? String ?? ".nii.gz"
    // Whichever of them it names, files of all of these endings are read.
    guard (imageEndings + [".img"]).contains(fileEnding.lowercased()) else {
      throw VolumeError("\(path) gives file_ending '\(fileEnding)', which is not supported: convert the files to .nii.gz.")
    }
    return DatasetDescription(
      name: content["name"] as? String, channelNames: try channels(content, path),
      labels: try LabelMeaning(content, json: bytes, path: path), trainingCount: content["numTraining"] as? Int,
      imageReader: content["overwrite_image_reader_writer"] as? String,
      listedTraining: listed(content["training"]), listedTest: listed(content["test"]),
      listedCases: try content["dataset"].map { (list) throws(VolumeError) in try ListedCase.all(list, of: path) })
  }

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

  /// - Parameter files: paths, or tables with one under `image`.
  private static func listed(_ files: Any?) -> Set<String> {
    let paths = (files as? [Any] ?? []).compactMap { ($0 as? [String: Any])?["image"] as? String ?? $0 as? String }
    return Set(paths.compactMap { imageStem(lastName(of: $0)) })
  }
}
