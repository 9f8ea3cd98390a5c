// Cases that stand out and data sets that do not; what the labels of a data set lack.

import Preparation
import TestSupport
import Testing
import Volumes

@Suite struct OutlierTests {
  private func facts(
    _ number: Int, spacing: Spacing = Spacing(3, 1, 1), extent: Extent = Extent(40, 256, 256), sign: Double = 1,
    mean: Double = 300, deviation: Double = 150, negative: Double = 0
  ) -> CaseFacts {
    let affine = [sign * spacing.width, 0, 0, 0, 0, spacing.height, 0, 0, 0, 0, spacing.depth, 0]
    return CaseFacts(
      identifier: "c\(number)", grid: FileGrid(dimensions: [extent.width, extent.height, extent.depth], affine: affine),
      intensities: [ChannelIntensity(mean: mean, standardDeviation: deviation, negativeShare: negative)])
  }

  @Test func heterogeneousHospitalDataAreQuiet() {
    let cases = (0..<12).map { number in
      let wobble = 1 + Double(number * 7 % 5) / 2  // 1 to 3
      return facts(
        number, spacing: Spacing(1.5 * wobble, 0.5 * wobble, 0.5 * wobble),
        extent: Extent(20 + 5 * number, 200 + 20 * number, 256),
        sign: number % 2 == 0 ? 1 : -1, mean: 100 * wobble, deviation: 60 * wobble)
    }
    #expect(outliers(in: cases).isEmpty)
    #expect(outliers(in: [facts(0), facts(1, mean: 1e6)]).isEmpty, "of two cases neither stands out")
  }

  @Test(arguments: [
    ("voxels of 30.0x10.0x10.0 mm", 0), ("field of view", 1), ("intensities of 6000 ± 3000", 2), ("intensities of 0 ± 1", 3),
    ("many negative intensities", 4), ("intensities of 5000 ± 150", 5),
  ])
  func oneCaseStandsOut(words: String, kind: Int) {
    let odd = [
      facts(9, spacing: Spacing(30, 10, 10), extent: Extent(4, 26, 26)), facts(9, extent: Extent(400, 256, 256)),
      facts(9, mean: 6000, deviation: 3000), facts(9, mean: 0, deviation: 1), facts(9, mean: -200, deviation: 400, negative: 0.6),
      facts(9, mean: 5000),
    ][kind]
    let found = outliers(in: (0..<6).map { facts($0, mean: 300 + 10 * Double($0)) } + [odd])
    #expect(found.count == 1 && found[0].kind == .outlier)
    #expect(found[0].description.hasPrefix("c9 stands out") && found[0].description.contains(words), "\(found)")
  }

  @Test func aPositiveScanAmongCTsAndAMirroredOneStandOut() {
    let scans = (0..<9).map { facts($0, mean: -300, deviation: 500, negative: 0.5) }
    let magnetic = outliers(in: scans + [facts(9)])
    #expect(magnetic.count == 1 && magnetic[0].description.contains("no negative intensities, 9 others have many"))
    let mirrored = outliers(in: scans + [facts(9, sign: -1, mean: -300, deviation: 500, negative: 0.5)])
    #expect(mirrored.count == 1 && mirrored[0].description.contains("stored as LAS, 9 others as RAS"))
    #expect(outliers(in: scans + scans).isEmpty)
  }

  /// The index of packs with these labelled cases, of 64 voxels each.
  private func index(_ labels: [[UInt8]]) throws -> PackIndex {
    let folder = TemporaryFolder(), extent = Extent(4, 4, 4), spacing = Spacing(1, 1, 1)
    let frame = CaseFrame(
      originalExtent: extent, originalSpacing: spacing, cropStart: [0, 0, 0], cropExtent: extent,
      grid: FileGrid(canonical: extent, spacing: spacing))
    let writer = try PackWriter(
      folder: folder.path, preparation: "", labels: LabelMeaning(classNames: ["background", "organ", "vein", "tumour"]),
      channelNames: ["MR"])
    for (number, values) in labels.enumerated() {
      let label = values + [UInt8](repeating: 0, count: extent.count - values.count)
      let prepared = PackedCase(
        identifier: "p\(number)", role: .labelled, extent: extent, spacing: spacing, channels: 1,
        image: [Float](repeating: 1, count: extent.count), label: label, frame: frame)
      try writer.add(prepared, intensities: [ChannelIntensity(of: prepared.image)], sourceHash: "")
    }
    _ = try writer.finish()
    return try PackIndex(folder: folder.path)
  }

  @Test func classesThatNoLabelHasAreNamed() throws {
    let missing = try labelWarnings(in: index([[1, 1, 1], [3, 3]]))
    #expect(missing.map(\.kind) == [.missingClass] && missing[0].description.contains("class 2, vein"))
    #expect(try labelWarnings(in: index([[1, 2, 3]])).isEmpty)
    let empty = try index([[], []])
    let error = #expect(throws: PreparationError.self) { try labelWarnings(in: empty) }
    #expect(error?.description.contains("None of the 2 labelled cases") == true)
    let none = try index([])
    #expect(throws: PreparationError.self) { try labelWarnings(in: none) }
  }
}
