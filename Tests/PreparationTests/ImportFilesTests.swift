// Imports of pairs of files as people have them, and of the Decathlon's tasks with a fourth axis.

import Foundation
import Preparation
import TestSupport
import Testing
import Volumes

@Suite struct ImportFilesTests {
  private func imported(_ folder: ForeignFolder, labels: String? = nil, _ channels: [String] = ["CT"], classes: [String]? = nil)
    throws -> Dataset
  {
    _ = try importFolder(
      folder.raw, labels: labels.map { "\(folder.raw)/\($0)" }, to: folder.data, channelNames: channels, classNames: classes)
    return try Dataset.open(folder.data)
  }

  @Test func masksOf255AndOtherNames() throws {
    let folder = ForeignFolder()
    try folder.write(images: ["images/img01.nii.gz", "images/volume-2.nii.gz", "images/p3.nii"])
    try folder.write(label: "masks/label01.nii.gz", [255, 255])
    try folder.write(label: "masks/p3.nii.gz", [255])
    let data = try imported(folder, classes: ["liver"])
    #expect(data.cases.map(\.identifier) == ["img01", "p3", "volume-2"] && data.labels.classNames == ["background", "liver"])
    #expect(data.cases.map(\.role) == [.labelled, .labelled, .unlabelled])
    #expect(try readLabels(data.cases[0].label!).labels.prefix(3) == [1, 1, 0])
  }

  @Test func foldersOfCases() throws {
    let folder = ForeignFolder()
    for name in ["x_seg_1", "x_seg_2"] {
      try folder.write(images: ["\(name)/\(name)_flair.nii.gz", "\(name)/\(name)_t1.nii.gz"])
      try folder.write(label: "\(name)/\(name)_mask.nii.gz", [2, 7])
    }
    let data = try imported(folder, ["FLAIR", "T1"])
    #expect(data.cases.map(\.images.count) == [2, 2] && data.labels.classNames == ["background", "label 2", "label 7"])
    #expect(try readLabels(data.cases[0].label!).labels.prefix(3) == [1, 2, 0])
  }

  @Test func numberedChannels() throws {
    let folder = ForeignFolder()
    try folder.write(images: ["images/a_0000.nii.gz", "images/a_0001.nii.gz", "images/b_0000.nii.gz", "images/b_0001.nii.gz"])
    _ = try importFolder("\(folder.raw)/images", labels: nil, to: folder.data, channelNames: ["T1", "T2"], classNames: nil)
    #expect(try Dataset.open(folder.data, needsLabels: false).labels.classNames == ["background", "label 1"])
    try FileManager.default.removeItem(atPath: folder.data)
    try folder.write(label: "labels/a.nii.gz", [1])
    #expect(try imported(folder, ["T1", "T2"]).cases.map(\.role) == [.labelled, .unlabelled])
  }

  @Test func pairsWithFaults() throws {
    func refused(_ folder: ForeignFolder, _ text: String, _ channels: [String] = ["CT"], classes: [String]? = nil) throws {
      try folder.expectRefusal(text) {
        try importFolder($0.raw, labels: nil, to: $0.data, channelNames: channels, classNames: classes)
      }
    }
    let folder = ForeignFolder()
    try folder.write(images: ["images/a.nii.gz", "images/b.nii.gz"])
    try folder.write(label: "labels/a.nii.gz", [1, 2, 4])
    try refused(folder, "values 1, 2, 4 and --classes names 2", classes: ["liver", "tumour"])
    try refused(folder, "1 to 255 different names", classes: ["liver", "liver"])
    try refused(folder, "holds a.nii.gz, b.nii.gz where --channels names 2", ["T1", "T2"])
    try folder.write(images: ["images/a.nii.gz"], extent: Extent(2, 4, 5))
    try refused(folder, "labels/a.nii.gz has a label of 3x4x5 voxels and its image has 2x4x5")
    try folder.write(label: "labels/c.nii.gz", [1])
    try refused(folder, "labels/c.nii.gz is a label whose image is not in")
    let empty = ForeignFolder()
    try empty.write(text: "x", to: "case/readme.txt")
    try refused(empty, "holds no images (.nii.gz")
  }

  /// A volume of 3x4x5 voxels and one of other values behind it, as a file of four axes.
  private func writeFourAxes(_ path: String) throws {
    let extent = Extent(6, 4, 5), grid = FileGrid(canonical: extent, spacing: Spacing(2, 1, 1))
    try writeVolume(
      Volume(extent: extent, spacing: grid.spacing, voxels: (0..<extent.count).map { Float($0) }, grid: grid), to: path)
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    bytes.replaceSubrange(40..<50, with: [4, 0, 5, 0, 4, 0, 3, 0, 2, 0])
    try bytes.write(to: URL(fileURLWithPath: path))
  }

  private func task(_ channels: Int) throws -> ForeignFolder {
    let folder = ForeignFolder(), names = (0..<channels).map { "\"\($0)\": \"M\($0)\"" }.joined(separator: ", ")
    try folder.write(
      text: """
        {"name": "T", "modality": {\(names)}, "labels": {"0": "background", "1": "organ"}, "numTraining": 2, "tensorImageSize": "4D",
         "training": [{"image": "./imagesTr/a.nii", "label": "./labelsTr/a.nii.gz"}, {"image": "./imagesTr/b.nii", "label": "./labelsTr/b.nii.gz"}],
         "test": ["./imagesTs/c.nii"]}
        """, to: "dataset.json")
    for name in ["imagesTr/a.nii", "imagesTr/b.nii", "imagesTs/c.nii"] { try writeFourAxes(try folder.place(name)) }
    for name in ["a", "b"] { try folder.write(label: "labelsTr/\(name).nii.gz", [1]) }
    try folder.write(text: "macOS", to: "imagesTr/._a.nii")
    return folder
  }

  @Test func decathlonWithAFourthAxis() throws {
    let folder = try task(2)
    _ = try importDecathlon(folder.raw, to: folder.data, split: CaseSplit(labelled: 1))
    let data = try Dataset.open(folder.data)
    #expect(data.cases.map(\.role) == [.labelled, .unlabelled, .test] && data.channelNames == ["M0", "M1"])
    let second = try readVolume(data.cases[0].images[1])
    #expect(second.extent == Extent(3, 4, 5) && second.voxels == (60..<120).map { Float($0) })
    #expect(throws: VolumeError.self) { try readVolume("\(folder.raw)/imagesTr/a.nii") }
    let refused = #expect(throws: VolumeError.self) { try Dataset.open(folder.raw) }
    #expect(refused?.description.contains("as the Decathlon: `cohort import msd \(folder.raw) --output NEW` writes") == true)
  }

  @Test func halfUnpackedTasks() throws {
    let folder = try task(2)
    try FileManager.default.removeItem(atPath: "\(folder.raw)/labelsTr/b.nii.gz")
    try FileManager.default.removeItem(atPath: "\(folder.raw)/imagesTs/c.nii")
    try folder.expectRefusal(
      "1 of the 2 cases that dataset.json lists for imagesTr, such as b: unpack", "for imagesTs, such as c"
    ) {
      try importDecathlon($0.raw, to: $0.data)
    }
    try task(3).expectRefusal("holds 2 volumes and dataset.json names 3 modalities") { try importDecathlon($0.raw, to: $0.data) }
    let cut = try task(2), path = "\(cut.raw)/imagesTr/a.nii"
    try Data(contentsOf: URL(fileURLWithPath: path)).dropLast(16).write(to: URL(fileURLWithPath: path))
    try cut.expectRefusal("imagesTr/a.nii is truncated") { try importDecathlon($0.raw, to: $0.data) }
    try cut.expectRefusal("has no dataset.json: give the folder of one task") {
      try importDecathlon("\($0.raw)/imagesTr", to: $0.data)
    }
  }
}
