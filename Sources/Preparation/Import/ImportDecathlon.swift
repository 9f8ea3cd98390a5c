// A task of the Medical Segmentation Decathlon as it is unpacked: dataset.json with the lists of its files, whose images have a fourth axis where there
// are several channels.

import Files
import Foundation
import Volumes

/// Makes the data set `output` from the folder of a task. Errors: no task; files of its lists that are not there; images of other numbers of channels.
public func importDecathlon(_ folder: String, to output: String, split: CaseSplit = CaseSplit()) throws(PreparationError)
  -> ImportReport
{
  let folder = realPath(folder)
  guard isFile("\(folder)/dataset.json") else {
    throw PreparationError("\(folder) has no dataset.json: give the folder of one task, such as Task04_Hippocampus, unpacked.")
  }
  let description = try readingVolumes { () throws(VolumeError) in try DatasetDescription.read("\(folder)/dataset.json") }
  guard !description.listedTraining.isEmpty else {
    throw PreparationError(
      "\(folder)/dataset.json lists no training cases as the Decathlon's do: if imagesTr and labelsTr are nnU-Net's, `cohort prepare` reads the folder itself."
    )
  }
  var scan = DecathlonScan(folder: folder, channels: description.channelNames.count)
  let training = try scan.cases(description.listedTraining.sorted(), "imagesTr", labels: "labelsTr")
  var test = try scan.cases(description.listedTest.sorted(), "imagesTs", labels: nil)
  try scan.refuseFaults()
  for index in test.indices { test[index].role = .test }
  var found = FoundDataset(channelNames: description.channelNames, labels: description.labels, cases: training + test)
  try found.assignRoles(split)
  return try writeDataset(found, to: output)
}

private struct DecathlonScan {
  let folder: String
  let channels: Int
  private var problems: [String] = []

  init(folder: String, channels: Int) { (self.folder, self.channels) = (folder, channels) }

  /// The cases of a list, without those that have a fault.
  mutating func cases(_ names: [String], _ images: String, labels: String?) throws(PreparationError) -> [FoundCase] {
    guard !names.isEmpty else { return [] }
    let imageFiles = try files(images), labelFiles = try labels.map { (name) throws(PreparationError) in try files(name) }
    let absent = names.filter { name in imageFiles[name] == nil || labelFiles.map { $0[name] == nil } ?? false }
    if !absent.isEmpty {
      problems.append(
        "\(folder) lacks files of \(absent.count) of the \(names.count) cases that dataset.json lists for \(images), such as \(absent.prefix(3).joined(separator: ", ")): unpack the whole archive again."
      )
    }
    var cases: [FoundCase] = []
    for name in names {
      guard let image = imageFiles[name] else { continue }
      cases.append(FoundCase(identifier: name, images: sources(image), label: labelFiles?[name].map { .file($0) }))
    }
    return cases
  }

  private func files(_ name: String) throws(PreparationError) -> [String: String] {
    // A folder that was not unpacked holds none of its files.
    guard FileManager.default.fileExists(atPath: "\(folder)/\(name)") else { return [:] }
    let found = try readingVolumes { () throws(VolumeError) in try ImageFolder("\(folder)/\(name)") }
    return Dictionary(uniqueKeysWithValues: found.images.map { ($0.stem, $0.path) })
  }

  /// The channels of an image, which are the volumes of its file.
  private mutating func sources(_ image: String) -> [VoxelSource] {
    do throws(VolumeError) {
      let count = try volumeCount(image)
      if count != channels {
        problems.append(
          "\(image) holds \(count) volumes and dataset.json names \(channels) modalities: download it again, or correct dataset.json."
        )
      }
      return count == 1 ? [.file(image)] : (0..<count).map { .volume(image, number: $0) }
    } catch {
      problems.append(error.description)
      return []
    }
  }

  func refuseFaults() throws(PreparationError) {
    guard problems.isEmpty else { throw PreparationError(asLines(problems, heading: "\(folder) has \(problems.count) faults:")) }
  }
}
