// Whole data sets: what is packed, what a second run does, what is refused, and that a bad file costs no more than its case.

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

  /// The message of the error that preparation throws, or what it says of the cases that it leaves out.
  static func complaint(_ scratch: Scratch, spacing: Spacing? = nil) -> String {
    do {
      return try prepare(scratch, spacing: spacing).omitted.map { "\($0.identifier): \($0.reason)" }.joined(separator: "\n")
    } catch { return "\(error)" }
  }

  /// A bad file costs its own case: the others are made, and made once.
  @Test func whatCanBeMadeIsMadeAndKept() throws {
    let scratch = Scratch()
    try scratch.writeDataset()
    _ = try Self.prepare(scratch)
    let before = try PackReader(folder: "\(scratch.path)/packs").index
    try scratch.write(image: Scratch.ball(seed: 77).image, to: "data/imagesTr/a_0000.nii.gz")
    try scratch.write(image: [Float](repeating: 0, count: Scratch.extent.count), to: "data/imagesUn/c_0000.nii.gz")
    let test = "\(scratch.path)/data/imagesTs/d_0000.nii.gz"
    let whole = try Data(contentsOf: URL(fileURLWithPath: test))
    try Data("no image".utf8).write(to: URL(fileURLWithPath: test))

    let outcome = try Self.prepare(scratch)
    #expect(Self.counts(outcome) == [1, 1, 0] && outcome.counts == [.labelled: 2])
    #expect(outcome.omitted.map(\.identifier) == ["c", "d"] && outcome.omitted.map(\.role) == [.unlabelled, .test])
    #expect(outcome.omitted[0].reason.contains("imagesUn/c_0000.nii.gz holds only zeros"))
    #expect(outcome.omitted[1].reason.contains("imagesTs/d_0000.nii.gz is not a NIfTI file"))
    let packs = try PackReader(folder: "\(scratch.path)/packs")
    #expect(packs.index.entries.map(\.identifier) == ["a", "b"] && packs.index.omitted == outcome.omitted)
    #expect(packs.index["b"] == before["b"] && packs.index["a"] != before["a"])
    try packs.verify()

    // The mended file is what it was, and its pack has stayed.
    try whole.write(to: URL(fileURLWithPath: test))
    #expect(Self.counts(try Self.prepare(scratch)) == [0, 3, 0])
    try FileManager.default.removeItem(atPath: "\(scratch.path)/data/imagesUn/c_0000.nii.gz")
    let last = try Self.prepare(scratch)
    #expect(Self.counts(last) == [0, 3, 0] && last.omitted.isEmpty)
    let index = try PackReader(folder: "\(scratch.path)/packs").index
    #expect(index.omitted.isEmpty && index["d"] == before["d"])
  }

  @Test func whereNoCaseCanBeMadeTheOldPacksStay() throws {
    let scratch = Scratch()
    try scratch.writeDataset()
    _ = try Self.prepare(scratch)
    let before = try PackReader(folder: "\(scratch.path)/packs").index
    for name in ["imagesTr/a", "imagesTr/b", "imagesUn/c", "imagesTs/d"] {
      try scratch.write(image: [Float](repeating: 0, count: Scratch.extent.count), to: "data/\(name)_0000.nii.gz")
    }
    let outcome = try Self.prepare(scratch)
    #expect(Self.counts(outcome) == [0, 0, 0] && outcome.omitted.count == 4 && outcome.counts.isEmpty)
    let packs = try PackReader(folder: "\(scratch.path)/packs")
    #expect(packs.index == before)
    try packs.verify()
    for name in ["imagesTr/a", "imagesTr/b", "imagesUn/c", "imagesTs/d"] {
      try Data().write(to: URL(fileURLWithPath: "\(scratch.path)/data/\(name)_0000.nii.gz"))
    }
    let text = Self.complaint(scratch)
    #expect(text.contains("so nothing was done") && text.split(separator: "\n").count == 5, "\(text)")
  }

  /// A preparation that ends before its index is written has made what it has made.
  @Test func whatWasMadeIsNotMadeAgain() throws {
    struct Stop: Error {}
    /// A team that ends when its cases are made.
    final class Interrupted: PreparationTeam {
      let rank = 0, size = 1
      private var calls = 0
      func first<Value: Codable>(_ body: () throws -> Value) throws -> Value { try body() }
      func all<Value: Codable>(_ body: () throws -> Value) throws -> [Value] {
        calls += 1
        let value = try body()
        guard calls < 3 else { throw Stop() }
        return [value]
      }
      func mark(_ what: String) {}
    }
    let scratch = Scratch()
    try scratch.writeDataset()
    let plan = PreparationPlan(dataset: "\(scratch.path)/data", output: "\(scratch.path)/packs")
    #expect(throws: Stop.self) { try prepareDataset(plan, team: Interrupted()) { _ in } }
    #expect(throws: VolumeError.self) { try PackReader(folder: plan.output) }
    #expect(Self.counts(try Self.prepare(scratch)) == [0, 4, 0])
    try PackReader(folder: plan.output).verify()
  }

  @Test func casesAreDealtBySize() {
    #expect(dealt([1, 9, 3, 3, 3], to: 2) == [1, 0, 1, 1, 1])
    #expect(dealt([0, 0, 0, 0], to: 2) == [0, 1, 0, 1])
    #expect(dealt([5, 5], to: 4) == [0, 1] && dealt([], to: 3) == [])
  }

  /// Nothing is prepared into the data set or where its files lie, whatever the path says.
  @Test(arguments: ["data", "data/packs", "data/imagesTr", "link", "link/packs", "data/../data/imagesUn/x", "store"])
  func anInputIsNoOutput(output: String) throws {
    let scratch = Scratch()
    try scratch.writeDataset()
    try FileManager.default.createSymbolicLink(atPath: "\(scratch.path)/link", withDestinationPath: "\(scratch.path)/data")
    try FileManager.default.createDirectory(atPath: "\(scratch.path)/store", withIntermediateDirectories: false)
    try FileManager.default.moveItem(
      atPath: "\(scratch.path)/data/imagesUn/c_0000.nii.gz", toPath: "\(scratch.path)/store/scan.nii.gz")
    try FileManager.default.createSymbolicLink(
      atPath: "\(scratch.path)/data/imagesUn/c_0000.nii.gz", withDestinationPath: "../../store/scan.nii.gz")
    let before = try FileManager.default.subpathsOfDirectory(atPath: scratch.path).sorted()
    let error = #expect(throws: PreparationError.self) {
      try prepareDataset(PreparationPlan(dataset: "\(scratch.path)/data", output: "\(scratch.path)/\(output)")) { _ in }
    }
    #expect(error?.description.contains("choose another --output") == true, "\(String(describing: error))")
    #expect(try FileManager.default.subpathsOfDirectory(atPath: scratch.path).sorted() == before)
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
