// Resampling: one-dimensional goldens, 3D goldens computed with an independent library (scipy.ndimage.zoom, grid mode, edge mode),
// the separate-axis rule, identities, and labels from scores.

import Preparation
import Tensors
import Testing
import Volumes

@Suite struct ResamplingTests {
  static let isotropic = Spacing(1, 1, 1)

  /// A line, resampled along a given axis of the volume.
  static func line<Value>(_ values: [Value], to count: Int, axis: Int, _ resample: (Extent, Extent) -> [Value]) -> [Value] {
    var (from, to) = (Extent(1, 1, 1), Extent(1, 1, 1))
    from[axis] = values.count
    to[axis] = count
    return resample(from, to)
  }

  @Test(arguments: 0..<3)
  func cubicLinesMatchTheGoldens(axis: Int) {
    let values: [Float] = [0, 1, 4, 9, 16]
    func resampled(_ count: Int) -> [Float] {
      Self.line(values, to: count, axis: axis) {
        resampleImage(values, from: $0, spacing: Self.isotropic, to: $1, newSpacing: Self.isotropic)
      }
    }
    // the unclipped ends are -0.035 and 16.488
    let eight: [Float] = [0, 0.22775166, 1.13024112, 2.89042133, 5.22845791, 8.56503507, 13.407998, 16]
    let three: [Float] = [0.15022083, 4, 14.1642939]
    for (value, golden) in zip(resampled(8) + resampled(3), eight + three) { #expect(abs(value - golden) < 2e-6) }
  }

  @Test(arguments: 0..<3)
  func labelLinesMatchTheGoldens(axis: Int) {
    let values: [UInt8] = [0, 0, 1, 1, 2, 2, 0]
    func resampled(_ count: Int) -> [UInt8] {
      Self.line(values, to: count, axis: axis) {
        resampleLabels(values, from: $0, spacing: Self.isotropic, to: $1, newSpacing: Self.isotropic)
      }
    }
    #expect(resampled(11) == [0, 0, 0, 1, 1, 1, 2, 2, 2, 0, 0])
    #expect(resampled(4) == [0, 1, 2, 0])
  }

  @Test func nearestTakesHalvesUp() {
    #expect(LinearTaps(count: 5, outputCount: 8, nearest: true).lower == [0, 0, 1, 2, 2, 3, 4, 4])
  }

  @Test func linearTapsMatchTheGoldens() {
    let values = [0.0, 1, 4, 9, 16]
    let taps = LinearTaps(count: 5, outputCount: 8, nearest: false)
    var blended: [Double] = []
    for (index, share) in taps.upperShare.enumerated() {
      blended.append(values[taps.lower[index]] * (1 - share) + values[taps.upper[index]] * share)
    }
    #expect(blended == [0, 0.4375, 1.1875, 3.0625, 5.5625, 8.6875, 12.9375, 16])
  }

  static let pattern: [Float] = (0..<120).map { Float($0 * 7919 % 101) }

  @Test func aVolumeMatchesTheIndependentLibrary() {
    let extent = Extent(6, 4, 9)
    let result = resampleImage(
      Self.pattern, from: Extent(4, 5, 6), spacing: Self.isotropic, to: extent, newSpacing: Self.isotropic)
    #expect(abs(result.reduce(0) { $0 + Double($1) } - 10630.831150) < 1e-3)
    let goldens: [(Int, Int, Int, Float)] = [
      (0, 0, 0, 0), (2, 1, 3, 48.41812525), (5, 3, 8, 35.56870735), (3, 2, 7, 41.90048856), (1, 0, 4, 63.70995619),
    ]
    for (d, h, w, golden) in goldens { #expect(abs(result[extent.index(d, h, w)] - golden) < 2e-5) }
  }

  @Test func thickSlicesAreResampledOneByOne() {
    let extent = Extent(6, 4, 9)
    let result = resampleImage(
      Self.pattern, from: Extent(4, 5, 6), spacing: Spacing(5, 1, 1), to: extent, newSpacing: Self.isotropic)
    #expect(abs(result.reduce(0) { $0 + Double($1) } - 10667.292607) < 1e-3)
    let goldens: [(Int, Int, Int, Float)] = [
      (0, 0, 0, 0.09882382), (2, 1, 3, 48.84719701), (5, 3, 8, 32.46886352), (1, 2, 7, 25.64216221),
    ]
    for (d, h, w, golden) in goldens { #expect(abs(result[extent.index(d, h, w)] - golden) < 2e-5) }
  }

  /// The same volume with its axes permuted gives the same result permuted, also where the thick axis is W.
  /// A trilinear function of the voxel centres comes back where no edge is repeated.
  @Test func featureMapsAreUpsampledLinearly() {
    let from = Extent(3, 4, 5), to = Extent(6, 12, 10)
    func value(_ d: Double, _ h: Double, _ w: Double) -> Float { Float(d * h * w + 2 * d - h) }
    let values = (0..<from.count).map { index in
      let (d, h, w) = (Double(index / 20), Double(index / 5 % 4), Double(index % 5))
      return value(2 * (d + 0.5), 3 * (h + 0.5), 2 * (w + 0.5))
    }
    let result = resampleLinearly(values, from: from, to: to)
    for d in 1..<5 {
      for h in 2..<10 {
        for w in 1..<9 {
          let expected = value(Double(d) + 0.5, Double(h) + 0.5, Double(w) + 0.5)
          #expect(abs(result[to.index(d, h, w)] - expected) < 1e-3)
        }
      }
    }
    #expect(result[0] == values[0] && result.last == values.last)
    #expect(resampleLinearly(values, from: from, to: from) == values)
  }

  @Test func everyAxisIsTreatedAlike() {
    func permuted(_ values: [Float], _ extent: Extent) -> [Float] {  // (d, h, w) to (h, w, d)
      var result: [Float] = []
      for h in 0..<extent.height {
        for w in 0..<extent.width { for d in 0..<extent.depth { result.append(values[extent.index(d, h, w)]) } }
      }
      return result
    }
    for spacing in [Spacing(1, 1, 1), Spacing(5, 1, 1)] {
      let straight = resampleImage(
        Self.pattern, from: Extent(4, 5, 6), spacing: spacing, to: Extent(6, 4, 9), newSpacing: Self.isotropic)
      let turned = resampleImage(
        permuted(Self.pattern, Extent(4, 5, 6)), from: Extent(5, 6, 4), spacing: Spacing(1, 1, spacing.depth),
        to: Extent(4, 9, 6), newSpacing: Self.isotropic)
      for (a, b) in zip(permuted(straight, Extent(6, 4, 9)), turned) { #expect(abs(a - b) < 1e-4) }
    }
  }

  @Test func channelsAreResampledApart() {
    let second = Self.pattern.map { 100 - $0 }
    let both = zip(Self.pattern, second).flatMap { [$0, $1] }
    let extent = Extent(6, 4, 9)
    let joined = resampleImage(
      both, channels: 2, from: Extent(4, 5, 6), spacing: Self.isotropic, to: extent, newSpacing: Self.isotropic)
    let alone = resampleImage(second, from: Extent(4, 5, 6), spacing: Self.isotropic, to: extent, newSpacing: Self.isotropic)
    #expect(stride(from: 1, to: joined.count, by: 2).map { joined[$0] } == alone)
  }

  @Test func aConstantStaysConstantAndASmoothFieldReturns() {
    let from = Extent(12, 14, 10)
    let constant = [Float](repeating: 3, count: from.count)
    let larger = Extent(17, 9, 21)
    #expect(
      resampleImage(constant, from: from, spacing: Self.isotropic, to: larger, newSpacing: Self.isotropic)
        == [Float](repeating: 3, count: larger.count))
    #expect(
      resampleImage(Self.pattern, from: Extent(4, 5, 6), spacing: Self.isotropic, to: Extent(4, 5, 6), newSpacing: Self.isotropic)
        == Self.pattern)
  }

  @Test func theSeparateAxisIsTheSingleThickest() {
    #expect(separateAxis(Spacing(5, 1, 1), Spacing(1, 1, 1)) == 0)
    #expect(separateAxis(Spacing(1, 1, 1), Spacing(1, 1, 3.5)) == 2)
    #expect(separateAxis(Spacing(3, 1, 1), Spacing(1, 1, 1)) == nil)
    #expect(separateAxis(Spacing(5, 5, 1), Spacing(1, 1, 1)) == nil)
  }

  @Test func newExtentsRoundHalfToEven() {
    #expect(resampledExtent(Extent(5, 7, 10), spacing: Spacing(1, 1, 0.5), target: Spacing(2, 2, 0.25)) == Extent(2, 4, 20))
    #expect(resampledExtent(Extent(1, 4, 4), spacing: Spacing(1, 1, 1), target: Spacing(9, 1, 1)) == Extent(1, 4, 4))
  }

  /// Argmax against a constant just below one half is the threshold of label resampling.
  @Test(arguments: [Spacing(1, 1, 1), Spacing(1, 4, 1)])
  func scoresOfTwoClassesAgreeWithLabels(spacing: Spacing) {
    let (from, to) = (Extent(5, 6, 7), Extent(9, 11, 8))
    let labels: [UInt8] = (0..<from.count).map { RandomKey(3).uniform(UInt64($0)) < 0.4 ? 1 : 0 }
    let scores: [Float] = labels.flatMap { label -> [Float] in [0.499999, Float(label)] }
    var resampling = ScoreResampling(classes: 2, from: from, spacing: spacing, to: to, newSpacing: Spacing(1, 1, 1))
    resampling.add(whole: scores, from)
    let found = resampling.labels
    let expected = resampleLabels(labels, from: from, spacing: spacing, to: to, newSpacing: Spacing(1, 1, 1))
    #expect(found == expected)
    #expect(Set(found) == [0, 1])
  }

  /// Scores of regions: the last one above 0 paints; between voxels it is the interpolated score that counts.
  @Test func regionsPaintOverEachOther() {
    let spacing = Spacing(1, 1, 1), scores: [Float] = [1, -1, 1, 1, -1, -1, -1, 3]
    func labels(_ width: Int) -> [UInt8] {
      var resampling = ScoreResampling(
        classes: 2, from: Extent(1, 1, 4), spacing: spacing, to: Extent(1, 1, width),
        newSpacing: Spacing(1, 1, 4 / Double(width)), regionLabels: [1, 5])
      scores.withUnsafeBufferPointer { resampling.add($0) }
      return resampling.labels
    }
    #expect(labels(4) == [1, 5, 0, 5])
    #expect(labels(8) == [1, 1, 5, 5, 0, 0, 5, 5])
  }
}
