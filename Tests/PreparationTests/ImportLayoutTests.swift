// Imports of known layouts: roles by lists and splits, labels that change, labels that nobody may read, and faults that leave nothing.

import Foundation
import HDF5
import Preparation
import TestSupport
import Testing
import Volumes

@Suite struct ImportLayoutTests {
  /// Five cases as UA-MT keeps them; the labels of c and d are none, and must not be looked at when they are unlabelled.
  private func atria() throws -> ForeignFolder {
    let folder = ForeignFolder()
    for (index, name) in ["a", "b", "c", "d", "e"].enumerated() {
      let size = [6 + index, 5, 3]
      try folder.write(
        arrays: "set/\(name)/mri_norm2.h5", image: size, label: size, labels: "cd".contains(name) ? [0.5] : [1, 1, 1])
    }
    try folder.write(text: "b\na\nd\nc\n", to: "train.list")
    try folder.write(text: "e\n", to: "test.list")
    return folder
  }

  @Test func arraysWithLists() throws {
    let folder = try atria()
    let report = try importLayout(.la, "\(folder.raw)/set", to: folder.data, split: CaseSplit(labelled: 2))
    let data = try Dataset.open(folder.data)
    #expect(data.cases.map(\.role) == [.labelled, .labelled, .unlabelled, .unlabelled, .test])
    #expect(data.labels.classNames == ["background", "left atrium"] && data.cases[2].label == nil)
    #expect(!FileManager.default.fileExists(atPath: "\(folder.data)/labelsUn"))
    let volume = try readVolume(data.cases[0].images[0])
    #expect(volume.extent == Extent(3, 5, 6) && volume.spacing == Spacing(0.625, 0.625, 0.625))
    // x runs to the left and y to posterior: the first value of the array is the last in H and W.
    #expect(volume.voxels[volume.extent.index(0, 4, 5)] == 0 && volume.voxels[volume.extent.index(2, 4, 4)] == 17)
    #expect(try readLabels(data.cases[4].label!).labels.count { $0 == 1 } == 3)
    #expect(
      report.lines[0] == "cases: 2 labelled, 2 unlabelled, 1 test" && report.lines.last == "next: cohort new \(folder.data)")
  }

  @Test func labelledCasesByChance() throws {
    let chosen = try (0..<8).map { seed in
      let folder = try atria()
      try folder.write(text: "a,1\nset/b/mri_norm2.h5\ne.h5\n", to: "train.list")
      let split = CaseSplit(trainingList: "\(folder.raw)/train.list", labelled: 1, seed: UInt64(seed))
      _ = try importLayout(.la, folder.raw, to: folder.data, split: split)
      return try Dataset.open(folder.data).cases.first { $0.role == .labelled }!.identifier
    }
    #expect(Set(chosen).count > 1 && Set(chosen).isSubset(of: ["a", "b", "e"]))
  }

  @Test func arraysWithFaults() throws {
    func refused(_ texts: String, _ change: (ForeignFolder) throws -> Void) throws {
      let folder = try atria()
      try change(folder)
      try folder.expectRefusal(texts) { try importLayout(.la, $0.raw, to: $0.data, split: CaseSplit(labelled: 2)) }
    }
    try refused("train.list names 1 of 5 cases that are not there, such as z") {
      try $0.write(text: "b\na\nd\nc\nz", to: "train.list")
    }
    try refused("test.list names the case e twice") { try $0.write(text: "e\ne\n", to: "test.list") }
    try refused("The case a is in the training list and in the test list") { try $0.write(text: "a", to: "test.list") }
    try refused("g/mri_norm2.h5 has no data set image") {
      try $0.write(arrays: "set/g/mri_norm2.h5", image: nil, label: [6, 5, 3])
    }
    try refused("g/mri_norm2.h5 has the data set image of 2x6x5x3 values") {
      try $0.write(arrays: "set/g/mri_norm2.h5", image: [2, 6, 5, 3])
    }
    try refused("g/mri_norm2.h5 has 3x5x8 voxels where its siblings have about 8x5x3") {
      try $0.write(arrays: "set/g/mri_norm2.h5", image: [3, 5, 8])
    }
    try refused("g/mri_norm2.h5 has 5x9x3 voxels where its siblings have about 9x5x3") { folder in
      for name in ["f", "h", "i", "j", "k", "l"] { try folder.write(arrays: "set/\(name)/mri_norm2.h5", image: [9, 5, 3]) }
      try folder.write(arrays: "set/g/mri_norm2.h5", image: [5, 9, 3])
    }
    try refused("H5Fopen failed") { try $0.write(text: "no", to: "set/g/mri_norm2.h5") }
    let folder = try atria()
    try folder.expectRefusal("holds the label 0.5") { try importLayout(.la, $0.raw, to: $0.data) }
    try folder.write(arrays: "set/f.h5", image: [6, 5, 3], label: [3, 5, 6])
    try folder.expectRefusal("f.h5 has a label of 6x5x3 voxels and its image has 3x5x6") {
      let geometry = try ArrayGeometry(order: "xyz", spacing: Spacing(1, 1, 1))
      try $0.write(text: "f", to: "f.txt")
      return try importArrays(
        $0.raw, to: $0.data, geometry: geometry, channelName: "MRI", classNames: nil,
        split: CaseSplit(trainingList: "\($0.raw)/f.txt"))
    }
    #expect(throws: PreparationError.self) { try ArrayGeometry(order: "xxz", spacing: Spacing(1, 1, 1)) }
  }

  private func brains() throws -> ForeignFolder {
    let folder = ForeignFolder()
    for name in ["BraTS19_A_1", "BraTS19_B_1"] {
      try folder.write(images: ["t1", "t1ce", "t2", "flair"].map { "HGG/\(name)/\(name)_\($0).nii.gz" })
      try folder.write(label: "HGG/\(name)/\(name)_seg.nii.gz", [1, 2, 4, 4])
    }
    let newer = "BraTS-GLI-00000-000"
    try folder.write(images: ["t1n", "t1c", "t2w", "t2f"].map { "\(newer)/\(newer)-\($0).nii.gz" })
    return folder
  }

  @Test func bratsOfBothNamings() throws {
    let folder = try brains()
    let report = try importLayout(.brats, folder.raw, to: folder.data)
    let data = try Dataset.open(folder.data)
    #expect(data.cases.map(\.role) == [.unlabelled, .labelled, .labelled] && data.channelNames[3] == "FLAIR")
    #expect(try readLabels(data.cases[1].label!).labels.prefix(5) == [1, 2, 3, 3, 0])
    #expect(data.cases[0].images[1].hasSuffix("imagesUn/BraTS-GLI-00000-000_0001.nii.gz"))
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: data.cases[0].images[1]).hasSuffix("-t1c.nii.gz"))
    #expect(report.lines.contains("values changed: 4 became 3") && report.lines.contains("files: 12 linked, 2 written"))
  }

  @Test func bratsAsRegions() throws {
    let folder = try brains()
    _ = try importLayout(.bratsRegions, folder.raw, to: folder.data)
    let regions = try #require(try Dataset.open(folder.data).labels.regions)
    #expect(regions.map(\.name) == ["whole tumour", "tumour core", "enhancing tumour"])
    #expect(regions.map(\.labels) == [[2, 1, 3], [1, 3], [3]])
  }

  @Test func bratsWithFaults() throws {
    let folder = try brains()
    try folder.write(images: ["C/C_t1.nii.gz"])
    try folder.write(label: "C/C_seg.nii.gz", [1])
    try folder.expectRefusal("The case C", "has no image of T1 with contrast, T2, FLAIR") {
      try importLayout(.brats, $0.raw, to: $0.data)
    }
    let other = try brains()
    try other.write(label: "HGG/BraTS19_A_1/BraTS19_A_1_seg.nii.gz", [7])
    try other.expectRefusal("BraTS19_A_1_seg.nii.gz holds the label 7") { try importLayout(.brats, $0.raw, to: $0.data) }
    try other.expectRefusal("holds no files such as img0001.nii.gz") { try importLayout(.btcv, $0.raw, to: $0.data) }
    try other.expectRefusal("--labelled 3 asks for other than 1 to 2") {
      try importLayout(.brats, $0.raw, to: $0.data, split: CaseSplit(labelled: 3))
    }
  }

  @Test func abdominalLayouts() throws {
    let folder = ForeignFolder()
    try folder.write(images: ["img/img0006.nii.gz", "img/img0008.nii.gz", "img/img0061.nii.gz"])
    for number in ["06", "08"] { try folder.write(label: "label/label00\(number).nii.gz", [1, 3, 11, 14]) }
    _ = try importLayout(.mact, folder.raw, to: folder.data)
    let mact = try Dataset.open(folder.data)
    #expect(mact.labels.classNames.count == 9 && mact.cases.map(\.identifier) == ["0006", "0008", "0061"])
    #expect(try readLabels(mact.cases[0].label!).labels.prefix(4) == [1, 2, 7, 8])
    try FileManager.default.removeItem(atPath: folder.data)
    try folder.expectRefusal("holds the label 14") { try importLayout(.btcv, $0.raw, to: $0.data) }
    for number in ["06", "08"] { try folder.write(label: "label/label00\(number).nii.gz", [13]) }
    _ = try importLayout(.btcv, folder.raw, to: folder.data)
    #expect(try Dataset.open(folder.data).cases.map(\.role) == [.labelled, .test, .unlabelled])
    let thousand = ForeignFolder()
    for number in 10..<20 {
      try thousand.write(images: ["Image/Case_000\(number)_0000.nii.gz"])
      try thousand.write(label: "Mask/Case_000\(number).nii.gz", [4])
    }
    _ = try importLayout(.abdomenCT1K, thousand.raw, to: thousand.data)
    #expect(try Dataset.open(thousand.data).cases.map(\.role) == Array(repeating: .labelled, count: 9) + [.test])
  }
}
