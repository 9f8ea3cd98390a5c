// Folds as nnU-Net draws them, and by patients of each vendor where the data tell.

import Foundation
import Preparation
import TestSupport
import Testing
import Volumes

@Suite struct CrossValidationTests {
  private func entries(_ cases: [(String, CaseOrigin?)]) throws -> [PackEntry] {
    try withTemporaryFolder { folder in
      let writer = try PackWriter(
        folder: folder, preparation: "x", labels: LabelMeaning(classNames: ["background", "a"]), channelNames: ["MR"])
      let extent = Extent(1, 1, 2), spacing = Spacing(1, 1, 1)
      for (identifier, _) in cases {
        let frame = CaseFrame(
          originalExtent: extent, originalSpacing: spacing, cropStart: [0, 0, 0], cropExtent: extent,
          grid: FileGrid(canonical: extent, spacing: spacing))
        try writer.add(
          PackedCase(
            identifier: identifier, role: .labelled, extent: extent, spacing: spacing, channels: 1, image: [0, 1], label: [0, 1],
            frame: frame), intensities: [ChannelIntensity(of: [0, 1])], sourceHash: identifier)
      }
      return zip(writer.index.entries, cases).map { entry, named in
        var entry = entry
        entry.origin = named.1
        return entry
      }
    }
  }

  /// The folds that nnU-Net 2.8.1 wrote for cases c00, c01 ...
  @Test(arguments: [
    (
      30,
      [
        [3, 8, 12, 15, 18, 26], [0, 6, 7, 20, 21, 24], [10, 11, 13, 19, 22, 23], [14, 16, 17, 25, 27, 29], [1, 2, 4, 5, 9, 28],
      ]
    ),
    (13, [[0, 7, 9], [3, 6, 10], [8, 11, 12], [1, 4], [2, 5]]),
  ]) func foldsAreNNUNets(count: Int, expected: [[Int]]) throws {
    let names = (0..<count).map { $0 < 10 ? "c0\($0)" : "c\($0)" }
    let folds = CrossValidation(of: try entries(names.map { ($0, nil) })).folds
    #expect(folds.map(\.val) == expected.map { $0.map { names[$0] } })
    #expect(folds.allSatisfy { Set($0.train).isDisjoint(with: $0.val) && $0.train.count + $0.val.count == count })
  }

  @Test func aPatientIsInOneFoldAndAVendorInAll() throws {
    let cases = (0..<20).map { number in
      ("case\(number)", Optional(CaseOrigin(patient: "p\(number / 2)", vendor: number < 10 ? "A" : "B")))
    }
    let folds = CrossValidation(of: try entries(cases)).folds
    #expect(folds.count == 5)
    for fold in folds {
      let patients = Set(cases.filter { fold.val.contains($0.0) }.map { $0.1!.patient })
      #expect(fold.val.count == 2 * patients.count && patients.count == 2)
      #expect(Set(cases.filter { fold.val.contains($0.0) }.map { $0.1!.vendor }) == ["A", "B"])
    }
    let chosen = (0..<4).map { ("case\($0)", Optional(CaseOrigin(patient: "p\($0)", fold: $0 % 2))) }
    #expect(CrossValidation(of: try entries(chosen)).folds.map(\.val) == [["case0", "case2"], ["case1", "case3"]])
  }
}
