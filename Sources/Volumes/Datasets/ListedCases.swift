// The training cases that dataset.json of nnU-Net 2 may list under `dataset`, in place of those of imagesTr and labelsTr: files that lie anywhere.
// Layout: MIC-DKFZ/nnUNet, documentation/dataset_format.md and nnunetv2/utilities/utils.py.

import Files
import Foundation

/// A case of the list.
struct ListedCase {
  let identifier: String
  /// Absolute paths.
  let images: [String]
  let label: String?

  /// The cases of a list, sorted; paths are relative to the data set's folder. Error: an entry that is none.
  static func all(_ list: Any, of path: String) throws(VolumeError) -> [ListedCase] {
    let folder = (path as NSString).deletingLastPathComponent
    func absolute(_ file: String) -> String { file.hasPrefix("/") ? file : "\(folder)/\(file)" }
    guard let table = list as? [String: Any] else {
      throw VolumeError(
        "\(path) has a dataset that is no object: write {\"CASE\": {\"images\": [...], \"label\": ...}}, or take it out.")
    }
    var cases: [ListedCase] = []
    for (name, entry) in table.sorted(by: { $0.key < $1.key }) {
      let entry = entry as? [String: Any]
      guard let images = entry?["images"] as? [String], !images.isEmpty, !name.isEmpty, !name.contains("/") else {
        throw VolumeError(
          "\(path) lists the case \(name) in its dataset without a list of images: write one file for each channel.")
      }
      cases.append(
        ListedCase(
          identifier: name.precomposedStringWithCanonicalMapping, images: images.map(absolute),
          label: (entry?["label"] as? String).map(absolute)))
    }
    return cases
  }
}

extension DatasetScan {
  /// The labelled cases of the list. What imagesTr and labelsTr hold besides is told.
  mutating func cases(of list: [ListedCase]) -> [DatasetCase] {
    let known = Set(list.flatMap { $0.images + [$0.label].compactMap { $0 } }.map { realPath($0) })
    for subfolder in ["imagesTr", "labelsTr"] {
      let others = files(subfolder).filter { !known.contains(realPath($0.path)) }
      if !others.isEmpty {
        warnings.append(
          "\(folder)/\(subfolder) holds \(named(others.map(\.name))), which the dataset of dataset.json does not list and which are not read."
        )
      }
    }
    return list.map { item in
      let channels = description.channelNames.count, isUnlabelled = item.label == nil
      if item.images.count != channels {
        problems.append(
          "\(folder)/dataset.json lists \(item.images.count) images of the case \(item.identifier) and names \(channels) channels: list one for each."
        )
      }
      if isUnlabelled, needsLabels {
        problems.append(
          "\(folder)/dataset.json lists the case \(item.identifier) without a label: add it, or move its images to imagesUn.")
      }
      for path in item.images + [item.label].compactMap({ $0 }) where !FileManager.default.fileExists(atPath: path) {
        problems.append(
          "\(folder)/dataset.json lists \(path), which is not there: add the file, or take out the case \(item.identifier).")
      }
      return DatasetCase(
        identifier: item.identifier, role: isUnlabelled ? .unlabelled : .labelled, images: item.images, label: item.label)
    }
  }
}
