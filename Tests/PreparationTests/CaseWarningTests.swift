// What the preparation of one case says and refuses: labels beside their image, classes that are lost, changes of grid that no scan needs.

import Foundation
import Preparation
import Testing
import Volumes

@Suite struct CaseWarningTests {
  /// An image of 12 x 20 x 16 voxels of 2 x 1 x 1 mm, non-zero in its middle, and a label, prepared.
  private func prepare(
    label: [UInt8] = Scratch.ball().label, shift: Double = 0, flipped: Bool = false, spacing: Spacing = Scratch.spacing,
    isStrict: Bool = false
  ) throws -> PreparedCase {
    let scratch = Scratch()
    try scratch.write(image: Scratch.ball().image, to: "image.nii.gz")
    var affine = Scratch.grid.affine
    affine[3] += shift
    if flipped { affine[5] *= -1 }
    let grid = FileGrid(dimensions: Scratch.grid.dimensions, affine: affine)
    let order = flipped ? Scratch.mirrored(label) : label
    try scratch.write(label: order, grid: grid, to: "label.nii.gz")
    return try CasePreparation(
      settings: PreparationSettings(spacing: spacing), labels: LabelMeaning(classNames: ["background", "organ", "vein"]),
      isStrict: isStrict
    ).prepare(
      identifier: "p01", role: .labelled, images: ["\(scratch.path)/image.nii.gz"], label: "\(scratch.path)/label.nii.gz")
  }

  private func complaint(_ body: () throws -> Void) -> String {
    do {
      try body()
      return ""
    } catch { return "\(error)" }
  }

  @Test func anOrdinaryCaseIsQuietAndItsIntensitiesAreTaken() throws {
    let prepared = try prepare()
    #expect(prepared.warnings.isEmpty)
    let inside = Scratch.ball().image.filter { $0 != 0 }.map(Double.init)
    let mean = inside.reduce(0, +) / Double(inside.count)
    #expect(prepared.intensities.count == 1 && abs(prepared.intensities[0].mean - mean) < 1e-9)
    #expect(prepared.intensities[0].negativeShare == 0 && prepared.intensities[0].standardDeviation > 5)
  }

  @Test func anOriginThatIsALittleOffIsAWarningUnlessStrict() throws {
    let prepared = try prepare(shift: 3), exact = try prepare()
    #expect(prepared.packed.label == exact.packed.label)
    #expect(prepared.warnings.map(\.kind) == [.labelOrigin])
    let text = prepared.warnings[0].description
    #expect(text.contains("image.nii.gz") && text.contains("label.nii.gz") && text.contains("origins 3.0 mm apart"), "\(text)")
    #expect(complaint { _ = try prepare(shift: 3, isStrict: true) }.contains("origins 3.0 mm apart"))
    #expect(complaint { _ = try prepare(shift: 9) }.contains("origins 9.0 mm apart"))
  }

  @Test func aLabelStoredTheOtherWayRoundIsAFlip() {
    let text = complaint { _ = try prepare(flipped: true) }
    #expect(
      text.contains("flipped against each other from back to front (the y axis") && text.contains("turn the label round"),
      "\(text)")
  }

  @Test func lostClassesAreNamedWithTheirVoxels() throws {
    var tiny = Scratch.ball().label, outside = tiny, both = [UInt8](repeating: 0, count: tiny.count)
    tiny[Scratch.extent.index(4, 5, 5)] = 2
    #expect(
      try prepare(label: tiny, spacing: Spacing(4, 3, 3)).warnings.map(\.description)
        == ["p01: its 1 voxel of vein is lost at 4.0x3.0x3.0 mm: choose a finer --spacing."])
    for w in 0..<16 { outside[Scratch.extent.index(0, 0, w)] = 2 }
    let cropped =
      "p01: its 16 voxels of vein where the image is 0 are cropped away: check that image and label belong together."
    #expect(try prepare(label: outside).warnings.map(\.description) == [cropped])
    for h in 0..<5 { both[Scratch.extent.index(5, h, 5)] = 1 }
    #expect(try prepare(label: both).warnings.first?.description.hasPrefix("p01: 3 of its 5 voxels of organ where") == true)
    let empty = try prepare(label: [UInt8](repeating: 0, count: tiny.count)).warnings
    #expect(empty.map(\.kind) == [.lostLabel] && empty[0].description.contains("only background"))
  }

  @Test(arguments: [
    (Spacing(1e-300, 1, 1), "100 times"), (Spacing(2, 1e300, 1), "100 times"), (Spacing(0.019, 0.02, 0.02), "100 times"),
    (Spacing(100, 50, 50), "only 1x1x1 voxels"), (Spacing(.nan, 1, 1), "100 times"),
  ])
  func changesOfGridThatNoScanNeedsAreRefused(spacing: Spacing, words: String) {
    let text = complaint { _ = try prepare(spacing: spacing) }
    #expect(text.contains("image.nii.gz") && text.contains(words) && text.contains("--spacing"), "\(text)")
  }

  @Test func extentsThatNoMemoryHoldsAreRefused() throws {
    let scratch = Scratch(), extent = Extent(40, 40, 40)
    let grid = FileGrid(canonical: extent, spacing: Spacing(1, 1, 1))
    try scratch.write(image: [Float](repeating: 1, count: extent.count), extent: extent, grid: grid, to: "image.nii")
    let preparation = CasePreparation(
      settings: PreparationSettings(spacing: Spacing(0.02, 0.02, 0.02)), labels: LabelMeaning(classNames: ["background"]))
    let text = complaint {
      _ = try preparation.prepare(identifier: "u", role: .unlabelled, images: ["\(scratch.path)/image.nii"], label: nil)
    }
    #expect(text.contains("it would have 8000000000 voxels"), "\(text)")
  }
}
