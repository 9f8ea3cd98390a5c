// Data sets that a table lists: what is read of it, and the sentence for each way in which rows can be wrong.

import Foundation
import TestSupport
import Testing
import Volumes

@Suite struct ManifestTests {
  private static let header = "id,patient,vendor,phase,image,label,split,fold"
  private static let sound = [
    "p1_GED4,p1,A,GED4,a.nii.gz,a-label.nii.gz,train,0", "p1_T1,p1,A,T1,\"b, early.nii.gz\",,unlabelled,0",
    "q_T1,q,B,T1,c.nii.gz,,,1",
    "r_T1,r,B,T1,d.nii.gz,d-label.nii.gz,test,",
  ]

  private func open(_ rows: [String], header: String = header, in folder: String) throws -> Dataset {
    for name in ["a", "a-label", "b, early", "c", "d", "d-label"] {
      try Data().write(to: URL(fileURLWithPath: "\(folder)/\(name).nii.gz"))
    }
    try Dataset.write(name: "liver", channelNames: ["MRI"], classNames: ["background", "liver"], labelled: 1, to: folder)
    try ([header] + rows).joined(separator: "\r\n").write(toFile: "\(folder)/manifest.csv", atomically: true, encoding: .utf8)
    return try Dataset.open(folder)
  }

  @Test func rowsAreCases() throws {
    try withTemporaryFolder { folder in
      let dataset = try open(Self.sound, in: folder)
      #expect(dataset.cases.map(\.identifier) == ["p1_GED4", "p1_T1", "q_T1", "r_T1"])
      #expect(dataset.cases.map(\.role) == [.labelled, .unlabelled, .unlabelled, .test])
      #expect(dataset.cases[1].images == ["\(folder)/b, early.nii.gz"])
      #expect(dataset.cases.map(\.label) == ["\(folder)/a-label.nii.gz", nil, nil, "\(folder)/d-label.nii.gz"])
      #expect(dataset.cases[0].origin == CaseOrigin(patient: "p1", vendor: "A", phase: "GED4", fold: 0))
      #expect(dataset.cases[3].origin == CaseOrigin(patient: "r", vendor: "B", phase: "T1"))
    }
  }

  @Test(arguments: [
    ("x,x,A,T1,missing.nii.gz,,,", "there is no image"), ("x,x,A,T1,c.nii.gz,,,", "the image c.nii.gz is in line 4"),
    ("x,p1,A,T2,extra.nii.gz,,,2", "several folds"), ("x,x,A,T1,extra.nii.gz,a-label.nii.gz,unlabelled,", "declared unlabelled"),
    ("x,x,A,T1,extra.nii.gz,,train,", "has no label"), ("x,x,A,T1,extra.nii.gz,,validate,", "split is \"validate\""),
    ("p1_T1,x,A,T1,extra.nii.gz,,,", "the id p1_T1 is in line 3"), ("x,x,A,T1,extra.nii.gz,none.nii.gz,,", "there is no label"),
    ("x,x,A,T1,extra.nii.gz;c.nii.gz,,,", "names 2 images"), ("x,r,A,T2,extra.nii.gz,,,", "training and for the test"),
    ("x,x,A,T1,extra.nii.gz,,,first", "fold is \"first\""), ("x,x,A,T1,extra.nii.gz", "5 values where the header has 8"),
    ("x,x,\"A,T1,extra.nii.gz,,,", "double quote is not closed"),
  ]) func faultsAreNamed(row: String, message: String) throws {
    try withTemporaryFolder { folder in
      try Data().write(to: URL(fileURLWithPath: "\(folder)/extra.nii.gz"))
      #expect { try open(Self.sound + [row], in: folder) } throws: {
        "\($0)".contains(message) && "\($0)".contains("manifest.csv")
      }
    }
  }

  @Test func allFaultsAreToldAtOnce() {
    withTemporaryFolder { folder in
      let rows = Self.sound + ["x,x,A,T1,missing.nii.gz,,,", "y,y,A,T1,gone.nii.gz,,,"]
      #expect { try open(rows, in: folder) } throws: { "\($0)".contains("missing.nii.gz") && "\($0)".contains("gone.nii.gz") }
      #expect { try open(["a.nii.gz"], header: "image", in: folder) } throws: { "\($0)".contains("no column id") }
    }
  }
}
