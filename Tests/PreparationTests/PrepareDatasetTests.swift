// Whole data sets: what is packed, what a second run does, what is refused, and that a failure leaves the old packs alone.

import Foundation
import Preparation
import Testing
import Volumes

@Suite(.serialized) struct PrepareDatasetTests {
  static func prepare(_ scratch: Scratch, spacing: Spacing? = nil) throws -> PreparationOutcome {
    try prepareDataset(
      PreparationPlan(dataset: "\(scratch.path)/data", output: "\(scratch.path)/packs", spacing: spacing), report: { _ in })
  }

  static func counts(_ outcome: PreparationOutcome) -> [Int] { [outcome.prepared, outcome.unchanged, outcome.removed] }

  @Test func everyCaseIsCroppedNormalisedAndPackedWithItsRole() throws {
    let scratch = Scratch()
    try scratch.writeDataset()
    let outcome = try Self.prepare(scratch)
    #expect(Self.counts(outcome) == [4, 0, 0])
    #expect(outcome.spacing == Scratch.spacing)

    let packs = try PackReader(folder: "\(scratch.path)/packs")
    #expect(packs.index.entries.map(\.role) == [.labelled, .labelled, .unlabelled, .test])
    #expect(packs.index.entries.map(\.hasLabel) == [true, true, false, true])
    #expect(try PreparationSettings(text: packs.index.preparation) == PreparationSettings(spacing: Scratch.spacing))
    let prepared = try packs.read("b")
    #expect(prepared.extent == Extent(8, 15, 12))
    #expect(prepared.frame.cropStart == [2, 3, 2] && prepared.frame.cropExtent == prepared.extent)
    #expect(prepared.frame.originalExtent == Scratch.extent)
    let mean = prepared.image.reduce(0) { $0 + Double($1) } / Double(prepared.image.count)
    let variance = prepared.image.reduce(0) { $0 + Double($1) * Double($1) } / Double(prepared.image.count)
    #expect(abs(mean) < 1e-5 && abs(variance - 1) < 1e-4)
    let ball = Scratch.ball(seed: 1)
    #expect(prepared.label!.reduce(0) { $0 + Int($1) } == ball.label.reduce(0) { $0 + Int($1) })
    #expect(zip(prepared.image, prepared.label!).allSatisfy { ($0 > 2) == ($1 == 1) })
  }

  @Test func anotherSpacingResamplesImageAndLabel() throws {
    let scratch = Scratch()
    try scratch.writeDataset()
    #expect(try Self.prepare(scratch, spacing: Spacing(1, 1, 2)).spacing == Spacing(1, 1, 2))
    let prepared = try PackReader(folder: "\(scratch.path)/packs").read("a")
    #expect(prepared.extent == Extent(16, 15, 6) && prepared.spacing == Spacing(1, 1, 2))
    #expect(prepared.label!.count == prepared.extent.count && Set(prepared.label!) == [0, 1])
  }

  @Test func aSecondRunWritesNothingAndAChangeRedoesOneCase() throws {
    let scratch = Scratch()
    try scratch.writeDataset()
    _ = try Self.prepare(scratch)
    let before = try scratch.contents("packs")
    #expect(Self.counts(try Self.prepare(scratch)) == [0, 4, 0])
    #expect(try scratch.contents("packs") == before)

    try scratch.write(image: Scratch.ball(seed: 9).image, to: "data/imagesUn/c_0000.nii.gz")
    #expect(Self.counts(try Self.prepare(scratch)) == [1, 3, 0])
    try scratch.write(image: Scratch.ball(seed: 5).image, to: "data/imagesUn/e_0000.nii.gz")
    #expect(Self.counts(try Self.prepare(scratch)) == [1, 4, 0])
    try FileManager.default.removeItem(atPath: "\(scratch.path)/data/imagesUn/c_0000.nii.gz")
    #expect(Self.counts(try Self.prepare(scratch)) == [0, 4, 1])
    let packs = try PackReader(folder: "\(scratch.path)/packs")
    #expect(packs.index.entries.map(\.identifier) == ["a", "b", "d", "e"])
    try packs.verify()
    #expect(Self.counts(try Self.prepare(scratch, spacing: Spacing(2, 2, 2))) == [4, 0, 0])
  }

  /// The message of the error that preparation throws.
  static func complaint(_ scratch: Scratch, spacing: Spacing? = nil) -> String {
    do {
      _ = try prepare(scratch, spacing: spacing)
      return ""
    } catch { return "\(error)" }
  }

  @Test func aFailureLeavesTheOldPacksAlone() throws {
    let scratch = Scratch()
    try scratch.writeDataset()
    _ = try Self.prepare(scratch)
    let before = try PackReader(folder: "\(scratch.path)/packs").index
    try scratch.write(image: Scratch.ball(seed: 77).image, to: "data/imagesTr/a_0000.nii.gz")
    try scratch.write(image: [Float](repeating: 0, count: Scratch.extent.count), to: "data/imagesUn/c_0000.nii.gz")
    #expect(Self.complaint(scratch).contains("imagesUn/c_0000.nii.gz holds only zeros"))
    let packs = try PackReader(folder: "\(scratch.path)/packs")
    #expect(packs.index == before)
    try packs.verify()
  }

  @Test func anUndeclaredLabelIsNamed() throws {
    let scratch = Scratch()
    try scratch.writeDataset()
    var label = Scratch.ball().label
    label[500] = 7
    try scratch.write(label: label, to: "data/labelsTr/a.nii.gz")
    let text = Self.complaint(scratch)
    #expect(text.contains("labelsTr/a.nii.gz holds the label value 7") && text.contains("0 to 1"))
  }

  @Test func aLabelOnAnotherGridIsRefusedWithBothFiles() throws {
    let scratch = Scratch()
    try scratch.writeDataset()
    let label = Scratch.ball().label
    let spaced = FileGrid(canonical: Scratch.extent, spacing: Spacing(2, 1, 1.5))
    var affine = Scratch.grid.affine
    affine[3] += 7
    let shifted = FileGrid(dimensions: Scratch.grid.dimensions, affine: affine)
    for (grid, word) in [(spaced, "spacings"), (shifted, "origins")] {
      try scratch.write(label: label, grid: grid, to: "data/labelsTr/b.nii.gz")
      let text = Self.complaint(scratch)
      #expect(text.contains("imagesTr/b_0000.nii.gz") && text.contains("labelsTr/b.nii.gz") && text.contains(word))
    }
    let small = Extent(12, 20, 15)
    let smallGrid = FileGrid(canonical: small, spacing: Scratch.spacing)
    try scratch.write(
      label: [UInt8](repeating: 0, count: small.count), extent: small, grid: smallGrid, to: "data/labelsTr/b.nii.gz")
    #expect(Self.complaint(scratch).contains("12x20x15"))
  }

  @Test func aSpacingThatIsNotPositiveIsRefused() throws {
    let scratch = Scratch()
    try scratch.writeDataset()
    #expect(Self.complaint(scratch, spacing: Spacing(1, 0, 1)).contains("not positive"))
    #expect(throws: PreparationError.self) { try PreparationSettings(text: "{\"version\": 0}") }
  }

  @Test func theDefaultSpacingIsTheMedianExceptAlongACoarseFlatAxis() {
    let cube = Extent(100, 100, 100)
    #expect(targetSpacing([(cube, Spacing(1, 1, 1)), (cube, Spacing(3, 1, 1)), (cube, Spacing(2, 1.5, 1))]) == Spacing(2, 1, 1))
    let flat = Extent(20, 200, 200)
    // median 5 along D is more than three times 1: the 10th percentile of 2, 5, 6 is 2.6
    #expect(
      abs(targetSpacing([(flat, Spacing(2, 1, 1)), (flat, Spacing(5, 1, 1)), (flat, Spacing(6, 1, 1))]).depth - 2.6) < 1e-9)
    #expect(targetSpacing([(flat, Spacing(0.5, 1, 1)), (flat, Spacing(5, 1, 1)), (flat, Spacing(6, 1, 1))]).depth > 1)
    #expect(targetSpacing([(cube, Spacing(2, 1, 1)), (cube, Spacing(5, 1, 1)), (cube, Spacing(6, 1, 1))]).depth == 5)
  }
}
