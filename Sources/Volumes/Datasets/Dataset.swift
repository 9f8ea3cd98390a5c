// A data set on disk in the raw layout of nnU-Net (shared by most public sets), extended by imagesUn for images without labels:
//   dataset.json                    channel names, class names
//   imagesTr/{case}_{0000}{ending}  labelled training images, one file for each channel      labelsTr/{case}{ending}
//   imagesUn/{case}_{0000}{ending}  unlabelled training images
//   imagesTs/{case}_{0000}{ending}  test images                                              labelsTs/{case}{ending} when known
//   manifest.csv                    lists the cases instead, wherever their files lie (Manifest.swift)
// The endings are those of `imageEndings`, in any case. Identifiers are in Unicode normal form C.

import Files
import Foundation

/// One patient or scan: its image files and, when there is one, its label file.
public struct DatasetCase: Hashable, Sendable, Codable {
  public var identifier: String
  public var role: CaseRole
  /// One path for each channel, in channel order.
  public var images: [String]
  /// The path of the label; nil for unlabelled cases, and for test cases whose ground truth is not there.
  public var label: String?
  /// Whose it is; nil where the data set does not tell.
  public var origin: CaseOrigin?

  public init(identifier: String, role: CaseRole, images: [String], label: String?, origin: CaseOrigin? = nil) {
    (self.identifier, self.role, self.images) = (identifier, role, images)
    (self.label, self.origin) = (label, origin)
  }
}

/// The cases of a data set folder and what their channels and labels mean.
public struct Dataset: Sendable, Codable {
  public var name: String
  public var folder: String
  public var channelNames: [String]
  public var labels: LabelMeaning
  /// nnU-Net's name of the reader that dataset.json asks for; nil leaves the choice.
  public var imageReader: String?
  /// Sorted by identifier.
  public var cases: [DatasetCase]
  /// What is left aside and is no case, a sentence each.
  public var warnings: [String]

  /// The folders of images and labels, all that are read.
  public static let subfolders = ["imagesTr", "labelsTr", "imagesUn", "imagesTs", "labelsTs"]

  /// Reads the description and lists the files of a data set; no image is opened. Every file that looks like data is part of a case or is named.
  ///
  /// - Parameter needsLabels: whether there must be a labelled case, and a label for each image of imagesTr; else such images are unlabelled cases.
  ///
  /// Errors: no such folder, no or a damaged dataset.json; and all of these at once, a line each: files that cannot be read, a missing channel, an
  /// image without its label, a label without its image, a case in two folders, no labelled case.
  /// Layout: MIC-DKFZ/nnUNet, documentation/dataset_format.md.
  public static func open(_ folder: String, needsLabels: Bool = true) throws(VolumeError) -> Dataset {
    let folder = folder.count > 1 && folder.hasSuffix("/") ? String(folder.dropLast()) : folder
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder), isFolder.boolValue else {
      throw VolumeError("There is no data set folder \(folder): check the path.")
    }
    let description = try DatasetDescription.read("\(folder)/dataset.json")
    let (cases, warnings) = try Self.cases(of: folder, description, needsLabels)
    let name = description.name ?? URL(fileURLWithPath: folder).lastPathComponent
    return Dataset(
      name: name, folder: folder, channelNames: description.channelNames, labels: description.labels,
      imageReader: description.imageReader,
      cases: cases, warnings: warnings)
  }

  private static func cases(
    of folder: String, _ description: DatasetDescription, _ needsLabels: Bool
  ) throws(VolumeError) -> (cases: [DatasetCase], warnings: [String]) {
    if FileManager.default.fileExists(atPath: "\(folder)/\(Manifest.fileName)") {
      var manifest = try Manifest(folder: folder, channelNames: description.channelNames, needsLabels: needsLabels)
      return (try manifest.cases(), manifest.warnings)
    }
    var scan = DatasetScan(folder: folder, description: description, needsLabels: needsLabels)
    return (try scan.cases(), scan.warnings)
  }

  /// The names of the channels of a data set and the meaning of its labels, from `folder/dataset.json` alone: its files need not be in order.
  public static func names(ofFolder folder: String) throws(VolumeError) -> (channels: [String], labels: LabelMeaning) {
    let description = try DatasetDescription.read("\(folder)/dataset.json")
    return (description.channelNames, description.labels)
  }

  /// Writes `folder/dataset.json`, which `open` reads back, for classes.
  ///
  /// `classNames` starts with the background; `labelled` is the number of cases in imagesTr. Error: the file cannot be written.
  public static func write(
    name: String, channelNames: [String], classNames: [String], labelled: Int, fileEnding: String = ".nii.gz", to folder: String
  ) throws(VolumeError) {
    try write(
      name: name, channelNames: channelNames, labels: LabelMeaning(classNames: classNames), labelled: labelled,
      fileEnding: fileEnding, to: folder)
  }

  /// The same for labels of any meaning. The order of regions is that in which a prediction paints them, so names stand in their order.
  public static func write(
    name: String, channelNames: [String], labels: LabelMeaning, labelled: Int, fileEnding: String = ".nii.gz", to folder: String
  ) throws(VolumeError) {
    var entries = [("background", "0")]
    entries +=
      labels.regions?.map { ($0.name, "\($0.labels.sorted())") }
      ?? labels.classNames.enumerated().dropFirst().map { ($1, "\($0)") }
    if labels.regions == nil { entries[0].0 = labels.classNames.first ?? "background" }
    if let ignored = labels.ignored { entries.append(("ignore", "\(ignored)")) }
    var lines = [
      ("name", quoted(name)), ("channel_names", object(channelNames.enumerated().map { ("\($0)", quoted($1)) })),
      ("labels", object(entries)),
    ]
    if let regions = labels.regions { lines.append(("regions_class_order", "\(regions.map { $0.labels[0] })")) }
    lines += [("numTraining", "\(labelled)"), ("file_ending", quoted(fileEnding))]
    let text = "{\n" + lines.map { "  \(quoted($0)): \($1)" }.joined(separator: ",\n") + "\n}\n"
    do throws(FileError) { try writeDurably([UInt8](text.utf8), to: "\(folder)/dataset.json") } catch {
      throw VolumeError(error.description)
    }
  }

  private static func object(_ entries: [(String, String)]) -> String {
    "{" + entries.map { "\(quoted($0)): \($1)" }.joined(separator: ", ") + "}"
  }

  /// A text as JSON has it.
  private static func quoted(_ text: String) -> String {
    let bytes = try? JSONSerialization.data(withJSONObject: text, options: [.fragmentsAllowed, .withoutEscapingSlashes])
    return bytes.map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
  }
}
