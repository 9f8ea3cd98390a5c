// Accounting for every file of a data set folder: each is part of a case or is named, so that no case is lost or mislabelled in silence. What is
// wrong is collected and told at once.

import Foundation

struct DatasetScan {
  let folder: String
  let description: DatasetDescription
  let needsLabels: Bool
  /// What is left aside and is no case.
  var warnings: [String] = []
  var problems: [String] = []

  init(folder: String, description: DatasetDescription, needsLabels: Bool) {
    (self.folder, self.description, self.needsLabels) = (folder, description, needsLabels)
  }

  /// All cases, sorted by identifier. Error: all that is wrong with the folder, a line each.
  mutating func cases() throws(VolumeError) -> [DatasetCase] {
    try refuseDecathlon()
    // Files that dataset.json lists may lie anywhere.
    if description.listedCases == nil { lookBesideTheFolders() }
    let labelled =
      if let list = description.listedCases { cases(of: list) } else { cases(.labelled, images: "imagesTr", labels: "labelsTr") }
    let unlabelled = cases(.unlabelled, images: "imagesUn", labels: nil)
    let test = cases(.test, images: "imagesTs", labels: "labelsTs")
    let all = (labelled + unlabelled + test).sorted { $0.identifier < $1.identifier }
    for (first, second) in zip(all, all.dropFirst()) where first.identifier == second.identifier {
      problems.append(
        "\(folder) has the case \(first.identifier) twice, as \(first.role.rawValue) and as \(second.role.rawValue): remove or rename one."
      )
    }
    if labelled.isEmpty, needsLabels {
      problems.append("\(folder) has no labelled case: put at least one image into imagesTr and its label into labelsTr.")
    }
    refuseAbsent(all)
    if let promised = description.trainingCount { compare(promised, labelled.count, unlabelled.count) }
    guard problems.isEmpty else {
      throw VolumeError(
        asLines(problems, heading: "\(folder) has \(problems.count) faults, so nothing was done: mend all of these."))
    }
    return all
  }

  /// The Decathlon's files have all channels of a case along a fourth axis, and the name that dataset.json lists.
  private func refuseDecathlon() throws(VolumeError) {
    guard description.channelNames.count > 1, let found = try? ImageFolder("\(folder)/imagesTr"),
      found.images.contains(where: { description.listedTraining.contains($0.stem) })
    else { return }
    throw VolumeError(
      "\(folder) has all channels of a case in one file, as the Decathlon: `cohort import msd \(folder) --output NEW` writes a file for each."
    )
  }

  /// Names the training cases that dataset.json lists and that are not there.
  private mutating func refuseAbsent(_ cases: [DatasetCase]) {
    let absent = description.listedTraining.subtracting(cases.map(\.identifier)).sorted()
    guard !absent.isEmpty else { return }
    problems.append(
      "\(folder)/dataset.json lists training cases that imagesTr does not hold whole: \(named(absent)): add them, or take them out of the list."
    )
  }

  private mutating func compare(_ promised: Int, _ labelled: Int, _ unlabelled: Int) {
    if promised > labelled + unlabelled {
      problems.append(
        "\(folder)/dataset.json promises \(promised) training cases (numTraining) but \(labelled + unlabelled) are there: add the missing files or correct the number."
      )
    } else if promised < labelled {
      warnings.append(
        "\(folder)/dataset.json promises \(promised) training cases (numTraining) but imagesTr holds \(labelled), and all are used: correct the number, or remove what does not belong there."
      )
    }
  }

  /// Looks for data that lies in none of the folders that are read.
  private mutating func lookBesideTheFolders() {
    guard let root = list("") else { return }
    let files = root.images.map(\.name) + root.unread.filter { !isFolder($0) && !Dataset.subfolders.contains($0) }
    if !files.isEmpty {
      warnings.append(
        "\(folder) holds \(named(files)) beside its folders, which is not read: move images into imagesTr, imagesUn or imagesTs.")
    }
    for name in root.unread where isFolder(name) && !Dataset.subfolders.contains(name) {
      guard let content = try? ImageFolder("\(folder)/\(name)"), !(content.images.isEmpty && content.unread.isEmpty) else {
        continue
      }
      let lower = name.lowercased()
      if let meant = Dataset.subfolders.first(where: { $0.lowercased() == lower }) {
        problems.append("\(folder)/\(name) is not read: rename it to \(meant).")
      } else if lower == "labelsun" || !(lower.hasPrefix("images") || lower.hasPrefix("labels")) {
        warnings.append("\(folder)/\(name) holds files that look like data and is not read: only \(Self.known) are.")
      } else {
        problems.append(
          "\(folder)/\(name) is not read, only \(Self.known) are: move its files into one of these, or move it away.")
      }
    }
  }

  private mutating func cases(_ role: CaseRole, images: String, labels: String?) -> [DatasetCase] {
    let channels = channelFiles(images)
    let labelFiles = Dictionary((labels.map { files($0) } ?? []).map { ($0.stem, $0.path) }) { first, _ in first }
    for (identifier, path) in labelFiles.sorted(by: { $0.key < $1.key }) where channels[identifier] == nil {
      problems.append(
        "\(path) is a label without an image in \(images): add the image \(identifier)_0000.nii.gz or remove the label.")
    }
    return channels.sorted { $0.key < $1.key }.compactMap { identifier, present in
      let isComplete = check(identifier, present, in: images)
      let isUnlabelled = role == .labelled && labelFiles[identifier] == nil
      if isUnlabelled, needsLabels {
        problems.append(
          "\(folder)/\(images) has the case \(identifier) but \(labels!) has no \(identifier).nii.gz: add it, or move its images to imagesUn."
        )
      }
      guard isComplete else { return nil }
      return DatasetCase(
        identifier: identifier, role: isUnlabelled ? .unlabelled : role,
        images: description.channelNames.indices.map { present[$0]! },
        label: labelFiles[identifier])
    }
  }

  /// Whether a case has just the channels of the description.
  private mutating func check(_ identifier: String, _ present: [Int: String], in images: String) -> Bool {
    let names = description.channelNames
    let missing = names.indices.filter { present[$0] == nil }
    for channel in missing.prefix(3) {
      problems.append(
        "\(folder)/\(images)/\(identifier)_\(digits(channel)).nii.gz is missing: every case needs channel \(channel) (\(names[channel])), so add the file or remove the case."
      )
    }
    if missing.count > 3 {
      problems.append(
        "\(folder)/\(images) lacks \(missing.count - 3) further channels of \(identifier): add the files or remove the case.")
    }
    for (channel, path) in present.sorted(by: { $0.key < $1.key }) where channel >= names.count {
      problems.append(
        "\(path) is channel \(channel) of the case \(identifier), which dataset.json does not name: add it to channel_names, remove the file, or if it is a case of its own rename it to \(identifier)_\(digits(channel))_0000.nii.gz."
      )
    }
    return Set(present.keys) == Set(names.indices)
  }

  /// The files of each case by channel.
  private mutating func channelFiles(_ subfolder: String) -> [String: [Int: String]] {
    var channels = [String: [Int: String]]()
    let listed = description.listedTraining.union(description.listedTest)
    for file in files(subfolder) {
      // The Decathlon's files of one channel have no number, and are listed without one.
      if description.channelNames.count == 1, listed.contains(file.stem) {
        channels[file.stem, default: [:]][0] = file.path
        continue
      }
      let parts = file.stem.split(separator: "_", omittingEmptySubsequences: false)
      let identifier = parts.dropLast().joined(separator: "_")
      guard !identifier.isEmpty, let last = parts.last, last.count == 4, last.allSatisfy(\.isASCIIDigit), let channel = Int(last)
      else {
        problems.append("\(file.path) does not end in a channel number: rename it to \(file.stem)_0000.nii.gz.")
        continue
      }
      channels[identifier, default: [:]][channel] = file.path
    }
    return channels
  }

  /// The images of a subfolder; one that is not there has none.
  mutating func files(_ subfolder: String) -> [ImageFile] {
    var facts = stat()
    guard lstat("\(folder)/\(subfolder)", &facts) == 0, let found = list(subfolder) else { return [] }
    if !found.unread.isEmpty {
      let names = found.unread.map { name in kind(of: "\(folder)/\(subfolder)/\(name)").map { "\(name) (\($0))" } ?? name }
      problems.append("\(folder)/\(subfolder) holds \(named(names)), which cannot be read: convert to .nii.gz, or move away.")
    }
    return found.images
  }

  private mutating func list(_ subfolder: String) -> ImageFolder? {
    do throws(VolumeError) { return try ImageFolder(subfolder.isEmpty ? folder : "\(folder)/\(subfolder)") } catch {
      problems.append(error.description)
      return nil
    }
  }

  private static let known = Dataset.subfolders.joined(separator: ", ")

  private func isFolder(_ name: String) -> Bool { kind(of: "\(folder)/\(name)") == "a folder" }

  private func digits(_ channel: Int) -> String { String(repeating: "0", count: 4 - String(channel).count) + String(channel) }
}

/// What lies at a path that is no plain file; nil for a plain file.
private func kind(of path: String) -> String? {
  var facts = stat()
  guard stat(path, &facts) == 0 else { return "a link to nowhere" }
  return switch facts.st_mode & S_IFMT {
  case S_IFREG: nil
  case S_IFDIR: "a folder"
  case S_IFIFO: "a named pipe"
  case S_IFSOCK: "a socket"
  default: "a device"
  }
}

/// One sentence as it is; several below a heading, a line each.
package func asLines(_ sentences: [String], heading: String) -> String {
  guard sentences.count > 1 else { return sentences[0] }
  let shown = sentences.prefix(100).map { "  \($0)" }, hidden = sentences.count - shown.count
  return ([heading] + shown + (hidden > 0 ? ["  ... and \(hidden) more"] : [])).joined(separator: "\n")
}

/// Names of files in a sentence: all of them where they are not very many.
func named(_ names: [String]) -> String {
  let hidden = names.count - 40
  return names.prefix(40).joined(separator: ", ") + (hidden > 0 ? " and \(hidden) more" : "")
}

extension Character {
  fileprivate var isASCIIDigit: Bool { ("0"..."9").contains(self) }
}
