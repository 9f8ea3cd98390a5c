// Listing the files of a data set folder and refusing every arrangement in which a case would be silently lost or mislabelled.

import Foundation

struct DatasetScan {
  let folder: String
  let description: DatasetDescription

  /// All cases, sorted by identifier.
  func cases() throws(VolumeError) -> [DatasetCase] {
    let labelled = try cases(.labelled, images: "imagesTr", labels: "labelsTr")
    let unlabelled = try cases(.unlabelled, images: "imagesUn", labels: nil)
    let test = try cases(.test, images: "imagesTs", labels: "labelsTs")
    guard !labelled.isEmpty else {
      throw VolumeError("\(folder) has no labelled case: put at least one image into imagesTr and its label into labelsTr.")
    }
    if let promised = description.trainingCount, promised > labelled.count + unlabelled.count {
      throw VolumeError(
        "\(folder)/dataset.json promises \(promised) training cases (numTraining) but \(labelled.count + unlabelled.count) are there: add the missing files or correct the number."
      )
    }
    let all = (labelled + unlabelled + test).sorted { $0.identifier < $1.identifier }
    for (first, second) in zip(all, all.dropFirst()) where first.identifier == second.identifier {
      throw VolumeError(
        "\(folder) has the case \(first.identifier) twice, as \(first.role.rawValue) and as \(second.role.rawValue): remove or rename one."
      )
    }
    return all
  }

  private func cases(_ role: CaseRole, images: String, labels: String?) throws(VolumeError) -> [DatasetCase] {
    let channels = try channelFiles(images)
    let labelFiles = try labels.map { (subfolder) throws(VolumeError) in try imageFiles(subfolder) } ?? []
    let ending = description.fileEnding
    for file in labelFiles where channels[String(file.dropLast(ending.count))] == nil {
      throw VolumeError(
        "\(folder)/\(labels!)/\(file) is a label without an image in \(images): add the image \(file.dropLast(ending.count))_0000\(ending) or remove the label."
      )
    }
    let known = Set(labelFiles)
    var cases: [DatasetCase] = []
    for (identifier, present) in channels.sorted(by: { $0.key < $1.key }) {
      for channel in 0..<description.channelNames.count where !present.contains(channel) {
        let name = description.channelNames[channel]
        throw VolumeError(
          "\(folder)/\(images)/\(fileName(identifier, channel)) is missing: every case needs channel \(channel) (\(name)), so add the file or remove the case."
        )
      }
      if let extra = present.first(where: { $0 >= description.channelNames.count }) {
        throw VolumeError(
          "\(folder)/\(images)/\(fileName(identifier, extra)) is a channel that dataset.json does not name: add it to channel_names or remove the file."
        )
      }
      let hasLabel = known.contains(identifier + ending)
      if role == .labelled && !hasLabel {
        throw VolumeError(
          "\(folder)/imagesTr has the case \(identifier) but labelsTr has no \(identifier)\(ending): move its images to imagesUn."
        )
      }
      cases.append(
        DatasetCase(
          identifier: identifier, role: role,
          images: description.channelNames.indices.map { "\(folder)/\(images)/\(fileName(identifier, $0))" },
          label: hasLabel ? "\(folder)/\(labels!)/\(identifier)\(ending)" : nil))
    }
    return cases
  }

  /// The channel numbers present for each case identifier.
  private func channelFiles(_ subfolder: String) throws(VolumeError) -> [String: Set<Int>] {
    var channels = [String: Set<Int>]()
    for file in try imageFiles(subfolder) {
      let stem = file.dropLast(description.fileEnding.count)
      let parts = stem.split(separator: "_", omittingEmptySubsequences: false)
      guard parts.count >= 2, let last = parts.last, last.count == 4, last.allSatisfy(\.isASCIIDigit), let channel = Int(last)
      else {
        throw VolumeError(
          "\(folder)/\(subfolder)/\(file) does not end in a channel number: rename it to \(stem)_0000\(description.fileEnding).")
      }
      channels[parts.dropLast().joined(separator: "_"), default: []].insert(channel)
    }
    return channels
  }

  /// The image files of a subfolder, sorted; a missing subfolder is empty. Hidden files and other kinds of files are passed over.
  private func imageFiles(_ subfolder: String) throws(VolumeError) -> [String] {
    let path = "\(folder)/\(subfolder)"
    guard FileManager.default.fileExists(atPath: path) else { return [] }
    guard let files = try? FileManager.default.contentsOfDirectory(atPath: path) else {
      throw VolumeError("\(path) cannot be listed: check that it is a folder that may be read.")
    }
    let images = files.filter { !$0.hasPrefix(".") && ($0.hasSuffix(".nii") || $0.hasSuffix(".nii.gz")) }.sorted()
    if let other = images.first(where: { !$0.hasSuffix(description.fileEnding) }) {
      throw VolumeError(
        "\(path)/\(other) does not end in \(description.fileEnding): rename it or set file_ending in dataset.json, one ending for all files."
      )
    }
    return images
  }

  private func fileName(_ identifier: String, _ channel: Int) -> String {
    let digits = String(channel)
    return identifier + "_" + String(repeating: "0", count: 4 - digits.count) + digits + description.fileEnding
  }
}

extension Character {
  fileprivate var isASCIIDigit: Bool { ("0"..."9").contains(self) }
}
