// Data set folders: what is listed, and the sentence for each way in which a folder can be wrong.

import Foundation
import TestSupport
import Testing
import Volumes

@Suite struct DatasetTests {
  /// A folder with empty files, which is all that listing needs.
  private func makeDataset(_ files: [String], json: String? = nil, in folder: String) throws {
    for file in files {
      let path = "\(folder)/\(file)"
      let parent = URL(fileURLWithPath: path).deletingLastPathComponent()
      try FileManager.default.createDirectory(at: parent, withIntermediateDirectories: true)
      try Data().write(to: URL(fileURLWithPath: path))
    }
    if let json {
      try Data(json.utf8).write(to: URL(fileURLWithPath: "\(folder)/dataset.json"))
    } else {
      try Dataset.write(
        name: "Trial", channelNames: ["T1", "FLAIR"], classNames: ["background", "liver", "tumour"], labelled: 1, to: folder)
    }
  }

  private let sound = [
    "imagesTr/b_1_0000.nii.gz", "imagesTr/b_1_0001.nii.gz", "labelsTr/b_1.nii.gz", "imagesUn/a_0001.nii.gz",
    "imagesUn/a_0000.nii.gz",
    "imagesTs/d_0000.nii.gz", "imagesTs/d_0001.nii.gz", "labelsTs/d.nii.gz", "imagesTs/c_0000.nii.gz", "imagesTs/c_0001.nii.gz",
    "imagesTr/README.txt", "imagesTr/.hidden.nii.gz",
  ]

  @Test func casesRolesAndChannels() throws {
    try withTemporaryFolder { folder in
      try makeDataset(sound, in: folder)
      let dataset = try Dataset.open(folder + "/")
      #expect(dataset.name == "Trial" && dataset.folder == folder)
      #expect(dataset.channelNames == ["T1", "FLAIR"] && dataset.classNames == ["background", "liver", "tumour"])
      #expect(dataset.cases.map(\.identifier) == ["a", "b_1", "c", "d"])
      #expect(dataset.cases.map(\.role) == [.unlabelled, .labelled, .test, .test])
      #expect(dataset.cases[1].images == ["\(folder)/imagesTr/b_1_0000.nii.gz", "\(folder)/imagesTr/b_1_0001.nii.gz"])
      #expect(dataset.cases.map(\.label) == [nil, "\(folder)/labelsTr/b_1.nii.gz", nil, "\(folder)/labelsTs/d.nii.gz"])
    }
  }

  @Test func olderDescriptionsAreRead() throws {
    try withTemporaryFolder { folder in
      let json = #"{"modality": {"0": "CT"}, "labels": {"0": "background", "1": "spleen"}, "numTraining": 1}"#
      try makeDataset(["imagesTr/x_0000.nii.gz", "labelsTr/x.nii.gz"], json: json, in: folder)
      let dataset = try Dataset.open(folder)
      #expect(dataset.channelNames == ["CT"] && dataset.classNames == ["background", "spleen"])
      #expect(dataset.name == URL(fileURLWithPath: folder).lastPathComponent)
    }
  }

  @Test(arguments: [
    (["imagesTr/b_1_0001.nii.gz"], [], "imagesTr/b_1_0001.nii.gz is missing"),
    (["labelsTr/b_1.nii.gz"], [], "move its images to imagesUn"),
    ([], ["labelsTr/e.nii.gz"], "label without an image"),
    ([], ["labelsTs/e.nii.gz"], "label without an image"),
    ([], ["imagesUn/b_1_0000.nii.gz", "imagesUn/b_1_0001.nii.gz"], "case b_1 twice"),
    ([], ["imagesTr/e.nii.gz"], "rename it to e_0000.nii.gz"),
    ([], ["imagesTr/e_0000.nii"], "does not end in .nii.gz"),
    ([], ["imagesTr/b_1_0002.nii.gz"], "dataset.json does not name"),
    (["imagesTr/b_1_0000.nii.gz", "imagesTr/b_1_0001.nii.gz", "labelsTr/b_1.nii.gz"], [], "no labelled case"),
  ])
  func wrongFoldersAreRefused(removed: [String], added: [String], expected: String) throws {
    try withTemporaryFolder { folder in
      try makeDataset(sound.filter { !removed.contains($0) } + added, in: folder)
      let error = #expect(throws: VolumeError.self) { try Dataset.open(folder) }
      #expect(error?.description.contains(expected) == true, "\(String(describing: error))")
    }
  }

  @Test(arguments: [
    ("{", "not valid JSON"),
    (#"{"labels": {"background": 0, "a": 1}}"#, "no channel_names"),
    (#"{"channel_names": {"1": "CT"}, "labels": {"background": 0, "a": 1}}"#, "without key \"0\""),
    (#"{"channel_names": {"0": "CT"}, "labels": {"background": 0, "a": 2}}"#, "[0, 2]"),
    (#"{"channel_names": {"0": "CT"}, "labels": {"background": 0, "a": 1, "b": 1}}"#, "same value 1"),
    (#"{"channel_names": {"0": "CT"}, "labels": {"background": 0, "whole": [1, 2]}}"#, "no single integer"),
    (#"{"channel_names": {"0": "CT"}, "labels": {"background": 0, "a": 1, "ignore": 2}}"#, "'ignore'"),
    (#"{"channel_names": {"0": "CT"}, "labels": {"background": 0, "a": 1}, "file_ending": ".mha"}"#, "'.mha'"),
    (#"{"channel_names": {"0": "CT"}, "labels": {"background": 0, "a": 1}, "numTraining": 9}"#, "promises 9 training cases"),
  ])
  func wrongDescriptionsAreRefused(json: String, expected: String) throws {
    try withTemporaryFolder { folder in
      try makeDataset(["imagesTr/x_0000.nii.gz", "labelsTr/x.nii.gz"], json: json, in: folder)
      let error = #expect(throws: VolumeError.self) { try Dataset.open(folder) }
      #expect(error?.description.contains(expected) == true, "\(String(describing: error))")
    }
  }

  @Test func missingFolderAndMissingDescription() throws {
    withTemporaryFolder { folder in
      let missing = #expect(throws: VolumeError.self) { try Dataset.open("\(folder)/none") }
      #expect(missing?.description.contains("no data set folder") == true)
      let empty = #expect(throws: VolumeError.self) { try Dataset.open(folder) }
      #expect(empty?.description.contains("dataset.json is missing") == true)
    }
  }
}
