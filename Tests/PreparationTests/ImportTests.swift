// Folders of challenges as data sets, and an import that fails leaves nothing.

import Foundation
import Preparation
import TestSupport
import Testing
import Volumes

@Suite struct ImportTests {
  private func touch(_ files: [String], in folder: String) throws {
    for file in files {
      let url = URL(fileURLWithPath: "\(folder)/\(file)")
      try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data().write(to: url)
    }
  }

  private let liver = [
    "Vendor_A/0001-A-S1/GED4.nii.gz", "Vendor_A/0001-A-S1/mask_GED4.nii.gz", "Vendor_A/0001-A-S1/T1.nii.gz",
    "vendor-B1/0002-B1-S4/GED4.nii.gz", "vendor-B1/0002-B1-S4/DWI_800.nii.gz",
  ]

  @Test func liqaFoldersBecomeRows() throws {
    try withTemporaryFolder { folder in
      try touch(liver, in: "\(folder)/raw")
      let report = try importLiQA("\(folder)/raw", to: "\(folder)/liver")
      let dataset = try Dataset.open("\(folder)/liver")
      #expect(dataset.cases.map(\.identifier) == ["0001-A-S1_GED4", "0001-A-S1_T1", "0002-B1-S4_DWI", "0002-B1-S4_GED4"])
      #expect(dataset.cases.map(\.role) == [.labelled, .unlabelled, .unlabelled, .unlabelled])
      #expect(dataset.cases[2].origin == CaseOrigin(patient: "0002-B1-S4", vendor: "B1", phase: "DWI"))
      #expect(
        report.lines.last
          == "2 patients, 4 volumes; missing: T1 of 1, T2 of 2, DWI of 1, GED1 of 2, GED2 of 2, GED3 of 2 patients")
      #expect(report.lines[1].split(separator: " ").joined(separator: " ") == "A 1 1 0 0 0 0 0 1 (1 drawn)")
      #expect { try importLiQA("\(folder)/raw", to: "\(folder)/liver") } throws: { "\($0)".contains("liver exists") }
    }
  }

  @Test func aFaultyFolderLeavesNothing() throws {
    try withTemporaryFolder { folder in
      try touch(liver + ["Vendor_A/0003-A-S2/mask_GED4.nii.gz", "Vendor_A/0003-A-S2/T9.nii.gz"], in: "\(folder)/raw")
      #expect { try importLiQA("\(folder)/raw", to: "\(folder)/liver") } throws: {
        "\($0)".contains("mask without its volume") && "\($0)".contains("T9.nii.gz is no phase")
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["raw"])
    }
  }

  @Test func atlasJoinsTumourAndLiver() throws {
    try withTemporaryFolder { folder in
      let extent = Extent(1, 2, 3), spacing = Spacing(1, 1, 1), grid = FileGrid(canonical: extent, spacing: spacing)
      for name in ["imagesTr", "labelsTr"] {
        try FileManager.default.createDirectory(atPath: "\(folder)/raw/\(name)", withIntermediateDirectories: true)
      }
      try writeVolume(
        Volume(extent: extent, spacing: spacing, voxels: [1, 2, 3, 4, 5, 6], grid: grid), to: "\(folder)/raw/imagesTr/im4.nii.gz")
      let label = "\(folder)/raw/labelsTr/lb4.nii.gz"
      try writeLabels(LabelVolume(extent: extent, spacing: spacing, labels: [0, 1, 2, 2, 1, 0], grid: grid), to: label)
      _ = try importATLAS("\(folder)/raw", to: "\(folder)/joined")
      let joined = try Dataset.open("\(folder)/joined")
      #expect(joined.labels.classNames == ["background", "liver"] && joined.cases.map(\.identifier) == ["atlas_4"])
      #expect(try readLabels(joined.cases[0].label!).labels == [0, 1, 1, 1, 1, 0])
      _ = try importATLAS("\(folder)/raw", to: "\(folder)/kept", keepsTumour: true)
      #expect(try Dataset.open("\(folder)/kept").labels.classNames == ["background", "liver", "tumour"])
      try writeLabels(LabelVolume(extent: extent, spacing: spacing, labels: [0, 1, 3, 2, 1, 0], grid: grid), to: label)
      #expect { try importATLAS("\(folder)/raw", to: "\(folder)/third") } throws: { "\($0)".contains("the label 3") }
      #expect(!FileManager.default.fileExists(atPath: "\(folder)/third"))
    }
  }
}
