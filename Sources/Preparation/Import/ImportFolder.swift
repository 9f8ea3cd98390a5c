// Images and labels as most people have them: two folders of files with the same names, or a folder for each case with its label beside its images.
// Words such as image, mask or seg in the names do not count when names are compared.

import Files
import Foundation
import Volumes

/// Makes the data set `output`.
/// - Parameters:
///   - images: a folder of images, or of one folder for each case, or one with folders such as images and labels.
///   - labels: the folder of their labels; nil where these lie beside the images, or where there are none.
///   - channelNames: one for each channel, in the order of the names of their files.
///   - classNames: without the background; nil: classes are called by their values.
/// Errors: no images, labels without an image, missing channels, all at once; those of reading and writing.
public func importFolder(
  _ images: String, labels: String?, to output: String, channelNames: [String], classNames: [String]?,
  split: CaseSplit = CaseSplit()
) throws(PreparationError) -> ImportReport {
  let (images, labels, notes) = try placesOfFiles(realPath(images), labels.map { realPath($0) })
  let content = try readingVolumes { () throws(VolumeError) in try ImageFolder(images) }
  let isFlat = !content.images.isEmpty
  if !isFlat, let labels {
    throw PreparationError(
      "\(images) holds no images for the labels of \(labels): give the folder that holds the image files themselves.")
  }
  var scan = FolderScan(folder: images, channelNames: channelNames)
  let cases = isFlat ? try scan.cases(content.images, labels: labels) : try scan.caseFolders()
  var found = FoundDataset(
    channelNames: channelNames, labels: try declaredClasses(classNames), values: .numbered, cases: cases, notes: notes)
  try found.assignRoles(split)
  return try writeDataset(found, to: output)
}

/// Folders named images and labels in the one that is given, where it has such, and what is beside them.
private func placesOfFiles(
  _ images: String, _ labels: String?
) throws(PreparationError) -> (images: String, labels: String?, notes: [String]) {
  let names = try subfolders(of: images)
  func one(_ words: Set<String>) -> String? {
    let fitting = names.filter { words.contains($0.lowercased()) }
    return fitting.count == 1 ? fitting[0] : nil
  }
  guard labels == nil, let inner = one(["images", "image", "imgs", "img", "imagestr", "scans", "volumes"]) else {
    return (images, labels, [])
  }
  let beside = one(["labels", "label", "labelstr", "masks", "mask", "segmentations", "annotations", "seg", "gt"])
  let aside = names.filter { $0 != inner && $0 != beside }
  let note = "not read: \(aside.joined(separator: ", ")) beside \(inner)\(beside.map { " and \($0)" } ?? "")"
  return ("\(images)/\(inner)", beside.map { "\(images)/\($0)" }, aside.isEmpty ? [] : [note])
}

/// Pairs images with labels by names.
struct FolderScan {
  let folder: String
  let channelNames: [String]
  private var problems: [String] = []

  init(folder: String, channelNames: [String]) { (self.folder, self.channelNames) = (folder, channelNames) }

  /// Cases of images, whose channels end in _0000 and so on if all do.
  /// - Parameter labels: the folder of their labels.
  mutating func cases(_ images: [ImageFile], labels: String?) throws(PreparationError) -> [FoundCase] {
    var channels = Dictionary(grouping: images) { String($0.stem.dropLast(5)) }
    let numbers = channelNames.indices.map { "_" + String(format: "%04d", $0) }
    let whole = channels.filter { _, files in files.map { String($0.stem.suffix(5)) } == numbers }
    if whole.count < channels.count {
      guard channelNames.count == 1 else {
        let odd = Set(channels.keys).subtracting(whole.keys).min()!
        throw PreparationError(
          "\(folder) holds \(channels[odd]!.map(\.name).joined(separator: ", ")) where --channels names \(channelNames.count): each case needs the files \(numbers.map { "CASE\($0).nii.gz" }.joined(separator: ", ")), so rename them, or name one channel."
        )
      }
      channels = Dictionary(grouping: images) { $0.stem }
    }
    var cases = channels.sorted { $0.key < $1.key }.map { name, files in
      FoundCase(identifier: name, images: files.map { .file($0.path) }, label: nil)
    }
    if let labels { try add(labels, to: &cases) }
    try refuseFaults()
    return cases
  }

  /// Labels by the names of their cases, or by what is left of these without the words for images and labels.
  private mutating func add(_ labels: String, to cases: inout [FoundCase]) throws(PreparationError) {
    let places = Dictionary(uniqueKeysWithValues: cases.enumerated().map { ($1.identifier, $0) })
    let byKey = Dictionary(grouping: cases.indices) { key(cases[$0].identifier) }
    let files = try readingVolumes { () throws(VolumeError) in try ImageFolder(labels).images }
    if files.isEmpty {
      problems.append("\(labels) holds no label maps (\(imageEndings.joined(separator: ", "))): give the folder that holds them.")
    }
    for file in files {
      let alike = byKey[key(file.stem)] ?? []
      guard let place = places[file.stem] ?? (alike.count == 1 ? alike[0] : nil) else {
        problems.append(
          "\(file.path) is a label whose image is not in \(folder): add it under the same name, or remove the label.")
        continue
      }
      if let other = cases[place].label {
        problems.append("\(other.path) and \(file.path) are labels of one case, \(cases[place].identifier): remove one.")
      }
      cases[place].label = .file(file.path)
    }
  }

  /// Cases of folders of their own. A file with a word for labels in its name is the label, the others are the channels.
  mutating func caseFolders() throws(PreparationError) -> [FoundCase] {
    var cases: [FoundCase] = []
    for name in try subfolders(of: folder) {
      let files = try readingVolumes { () throws(VolumeError) in try ImageFolder("\(folder)/\(name)").images }
      guard !files.isEmpty else { continue }
      let labels = files.filter { words($0.stem.replacing(name, with: "")).contains(where: labelWords.contains) }
      let images = files.filter { !labels.contains($0) }
      if images.count != channelNames.count || labels.count > 1 {
        problems.append(
          "\(folder)/\(name) holds \(images.count) images (\(images.map(\.name).joined(separator: ", "))) and \(labels.count) labels, and a case has \(channelNames.count) images, as many as --channels names, and one label at most: rename or remove files."
        )
      }
      cases.append(
        FoundCase(identifier: name, images: images.map { .file($0.path) }, label: labels.first.map { .file($0.path) }))
    }
    guard !cases.isEmpty else {
      throw PreparationError(
        "\(folder) holds no images (\(imageEndings.joined(separator: ", "))) and no folders of them: give the folder of the images, and that of their labels by --labels; `cohort import dicom` reads DICOM files."
      )
    }
    try refuseFaults()
    return cases
  }

  private func refuseFaults() throws(PreparationError) {
    guard problems.isEmpty else { throw PreparationError(asLines(problems, heading: "\(folder) has \(problems.count) faults:")) }
  }
}

private let labelWords: Set<String> = ["label", "labels", "lbl", "seg", "segm", "segmentation", "mask", "masks", "gt", "roi"]
private let imageWords: Set<String> = ["image", "images", "img", "imaging", "volume", "vol", "scan"]

/// The words and numbers of a name.
private func words(_ name: String) -> [String] {
  name.lowercased().matches(of: /\p{L}+|\p{N}+/).map { String($0.output) }
}

/// What two names of one case have in common.
private func key(_ name: String) -> [String] { words(name).filter { !labelWords.contains($0) && !imageWords.contains($0) } }
