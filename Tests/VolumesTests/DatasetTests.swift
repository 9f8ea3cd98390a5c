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
      #expect(dataset.name == "Trial" && dataset.folder == folder && dataset.warnings == [])
      #expect(dataset.channelNames == ["T1", "FLAIR"] && dataset.labels.classNames == ["background", "liver", "tumour"])
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
      #expect(dataset.channelNames == ["CT"] && dataset.labels.classNames == ["background", "spleen"])
      #expect(dataset.name == URL(fileURLWithPath: folder).lastPathComponent)
    }
  }

  @Test(arguments: [
    (["imagesTr/b_1_0001.nii.gz"], [], "imagesTr/b_1_0001.nii.gz is missing"),
    ([], ["imagesTr/e_00001.nii.gz"], "rename it to e_00001_0000.nii.gz"),
    ([], ["imagesTr/e_0.nii.gz"], "rename it to e_0_0000.nii.gz"),
    ([], ["imagesTr/_0000.nii.gz"], "does not end in a channel number"),
    ([], ["imagesTr/b_1_0000.nii"], "two files for one case"),
    ([], ["imagesTr/b_1_0000.NII.gz"], "two files for one case"),
    ([], ["imagesTr/e_0000.mgz", "imagesTr/f.mnc"], "holds e_0000.mgz, f.mnc, which cannot be read"),
    ([], ["imagesUn/more/x_0000.nii.gz"], "holds more (a folder)"),
    ([], ["imagesUn/x_0000.img"], "x_0000.img"),
    ([], ["imagestr/x_0000.nii.gz"], "rename it to imagesTr"),
    ([], ["imagesVal/x_0000.nii.gz"], "imagesVal is not read"),
    ([], ["labelsTr/a.nii.gz"], "label without an image"),
    (["labelsTr/b_1.nii.gz"], [], "move its images to imagesUn"),
    ([], ["labelsTr/e.nii.gz"], "label without an image"),
    ([], ["labelsTs/e.nii.gz"], "label without an image"),
    ([], ["imagesUn/b_1_0000.nii.gz", "imagesUn/b_1_0001.nii.gz"], "case b_1 twice"),
    ([], ["imagesTr/e.nii.gz"], "rename it to e_0000.nii.gz"),
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

  /// Whatever their ending, images are read, and each belongs to the case of its name.
  @Test func allEndingsAreRead() throws {
    let files = [
      "imagesTr/a_0000.NII.GZ", "imagesTr/a_0001.nii", "labelsTr/a.Nii", "imagesUn/b_0000.hdr", "imagesUn/b_0000.img",
      "imagesUn/b_0001.nii.gz",
    ]
    try withTemporaryFolder { folder in
      let json = #"{"channel_names": {"0": "T1", "1": "T2"}, "labels": {"background": 0, "liver": 1}, "file_ending": ".NII.GZ"}"#
      try makeDataset(files, json: json, in: folder)
      let cases = try Dataset.open(folder).cases
      #expect(cases.map(\.images) == [files[0...1], [files[3], files[5]]].map { $0.map { "\(folder)/\($0)" } })
      #expect(cases[0].label == "\(folder)/labelsTr/a.Nii")
    }
  }

  /// nnU-Net 2 lets dataset.json list the training cases with files that lie anywhere.
  @Test func casesMayBeListedInTheDescription() throws {
    func json(_ entry: String) -> String {
      #"{"channel_names": {"0": "CT"}, "labels": {"background": 0, "a": 1}, "dataset": {"p": \#(entry)}}"#
    }
    try withTemporaryFolder { folder in
      let files = ["far/scan.mha", "labelsTr/mask.nrrd", "imagesTr/other_0000.nii.gz", "imagesUn/q_0000.nii.gz"]
      try makeDataset(files, json: json(#"{"images": ["far/scan.mha"], "label": "labelsTr/mask.nrrd"}"#), in: folder)
      let dataset = try Dataset.open(folder)
      #expect(dataset.cases.map(\.identifier) == ["p", "q"] && dataset.cases[0].images == ["\(folder)/far/scan.mha"])
      #expect(dataset.cases[0].label == "\(folder)/labelsTr/mask.nrrd" && dataset.cases[0].role == .labelled)
      #expect(dataset.warnings.contains { $0.contains("imagesTr holds other_0000.nii.gz") })
      for (entry, text) in [
        (#"{"images": ["far/none.mha"], "label": "labelsTr/mask.nrrd"}"#, "far/none.mha, which is not there"),
        (#"{"images": ["far/scan.mha"]}"#, "lists the case p without a label"), (#"{"label": "x"}"#, "without a list of images"),
        (
          #"{"images": ["far/scan.mha", "far/scan.mha"], "label": "labelsTr/mask.nrrd"}"#,
          "lists 2 images of the case p and names 1"
        ),
      ] {
        try makeDataset([], json: json(entry), in: folder)
        #expect { try Dataset.open(folder) } throws: { "\($0)".contains(text) }
      }
    }
  }

  /// Names are the same whether an accent is a letter of its own or not; two files that differ only in that are one too many.
  @Test func accentsAreComparedInOneForm() throws {
    let (composed, decomposed) = ("Ren\u{e9}", "Rene\u{301}")
    try withTemporaryFolder { folder in
      let json = #"{"channel_names": {"0": "T1"}, "labels": {"background": 0, "liver": 1}}"#
      try makeDataset(["imagesTr/\(decomposed)_0000.nii.gz", "labelsTr/\(composed).nii.gz"], json: json, in: folder)
      #expect(Array(try Dataset.open(folder).cases[0].identifier.utf8) == Array(composed.utf8))
      try makeDataset(["imagesTr/\(composed)_0000.nii.gz"], json: json, in: folder)
      let error = #expect(throws: VolumeError.self) { try Dataset.open(folder) }
      #expect(error?.description.contains("two files for one case") == true, "\(String(describing: error))")
    }
  }

  /// What is no case but may hold one is named; what is found beside any data is not.
  @Test func whatIsLeftAsideIsNamed() throws {
    try withTemporaryFolder { folder in
      try makeDataset(
        sound + [
          "labelsUn/a.nii.gz", "masks/a.nii.gz", "atlas.nii.gz", "scan.nrrd", "docs/notes.txt", "README.md", "split.json",
          "Thumbs.db", ".DS_Store", "imagesTr/Thumbs.db",
        ], in: folder)
      let warnings = try Dataset.open(folder).warnings.joined(separator: "\n")
      for name in ["labelsUn", "masks", "atlas.nii.gz, scan.nrrd"] { #expect(warnings.contains(name), "\(warnings)") }
      for name in ["docs", "README", "split", "Thumbs", "DS_Store"] { #expect(!warnings.contains(name), "\(warnings)") }
    }
    try withTemporaryFolder { folder in
      let json = #"{"channel_names": {"0": "CT"}, "labels": {"background": 0, "a": 1}, "numTraining": 1}"#
      let files = ["x", "y"].flatMap { ["imagesTr/\($0)_0000.nii.gz", "labelsTr/\($0).nii.gz"] }
      try makeDataset(files, json: json, in: folder)
      #expect(try Dataset.open(folder).warnings.map { $0.contains("promises 1 training cases") } == [true])
    }
  }

  @Test func everyFaultIsNamedAtOnce() throws {
    try withTemporaryFolder { folder in
      try makeDataset(
        sound + ["imagesTr/e.nii.gz", "imagesUn/f_0000.nii.gz", "labelsTs/g.nii.gz", "imagesTs/h.mha"], in: folder)
      let error = #expect(throws: VolumeError.self) { try Dataset.open(folder) }
      let text = "\(try #require(error))"
      #expect(text.split(separator: "\n").count == 5, "\(text)")
      for name in ["4 faults", "e.nii.gz", "f_0001.nii.gz", "labelsTs/g.nii.gz", "h.mha"] {
        #expect(text.contains(name), "\(text)")
      }
    }
  }

  /// Opening a named pipe would wait for ever.
  @Test(arguments: ["imagesTr/b_1_0000.nii.gz", "imagesUn/p_0000.nii.gz", "labelsTr/b_1.nii.gz", "dataset.json"])
  func pipesAndLinksToNowhereAreNamed(name: String) throws {
    for make in [{ mkfifo($0, 0o600) }, { symlink("/nowhere/at/all", $0) }] {
      try withTemporaryFolder { folder in
        try makeDataset(sound, in: folder)
        unlink("\(folder)/\(name)")
        try #require(make("\(folder)/\(name)") == 0)
        let error = #expect(throws: VolumeError.self) { try Dataset.open(folder) }
        #expect(error?.description.contains((name as NSString).lastPathComponent) == true, "\(String(describing: error))")
      }
    }
  }

  /// Four digits in a file's name number a channel.
  @Test(arguments: [(10_000, "lacks 9996 further channels of x"), (10_001, "no more than 10000")])
  func manyChannelsAreCounted(count: Int, expected: String) throws {
    let channels = (0..<count).map { "\"\($0)\": \"T\"" }.joined(separator: ", ")
    try withTemporaryFolder { folder in
      try makeDataset(
        ["imagesTr/x_0000.nii.gz", "labelsTr/x.nii.gz"],
        json: "{\"channel_names\": {\(channels)}, \"labels\": {\"background\": 0, \"a\": 1}}", in: folder)
      let error = #expect(throws: VolumeError.self) { try Dataset.open(folder) }
      #expect(error?.description.contains(expected) == true && error!.description.count < 1500)
    }
  }

  @Test(arguments: [
    ("{", "not valid JSON"),
    (#"{"labels": {"background": 0, "a": 1}}"#, "no channel_names"),
    (#"{"channel_names": {"1": "CT"}, "labels": {"background": 0, "a": 1}}"#, "without key \"0\""),
    (#"{"channel_names": {"0": "CT"}, "labels": {"background": 0, "a": 2}}"#, "values 0, 2:"),
    (#"{"channel_names": {"0": "CT"}, "labels": {"background": 0, "a": 1, "b": 1}}"#, "same value 1"),
    (#"{"channel_names": {"0": "CT"}, "labels": {"background": 0, "whole": [1, 2]}}"#, "no regions_class_order"),
    (#"{"channel_names": {"0": "CT"}, "labels": {"background": 0, "a": 1}, "file_ending": ".mgz"}"#, "'.mgz'"),
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
