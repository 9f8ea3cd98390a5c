// SOBF: orthogonality, bounds, smoothness, image formation, determinism.

import Foundation
import Preparation
import Tensors
import Testing
import Volumes

@Suite struct SOBFTests {
  static let extent = Extent(32, 40, 36)

  static func cosine(_ f: [Float], _ g: [Float]) -> Double {
    var (fg, ff, gg) = (0.0, 0.0, 0.0)
    for (a, b) in zip(f, g) {
      fg += Double(a) * Double(b)
      ff += Double(a) * Double(a)
      gg += Double(b) * Double(b)
    }
    return fg / (ff * gg).squareRoot()
  }

  static func mean(_ field: [Float]) -> Double { field.reduce(0) { $0 + Double($1) } / Double(field.count) }

  /// M - 1 and A at full strength.
  static func fields(_ sobf: SOBF, _ extent: Extent = extent, draw: UInt64) -> (u: [Float], v: [Float]) {
    let (m, a) = sobf.fields(extent: extent, strengths: (0.25, 0.12), seed: 1337, volume: "case", draw: draw)
    return (m.map { $0 - 1 }, a)
  }

  static func crop(channels: Int = 1, seed: UInt64 = 5) -> [Float] {
    let key = RandomKey(seed)
    return (0..<extent.count * channels).map { Float(key.gaussian(UInt64($0))) }
  }

  @Test(arguments: SOBFPreset.allCases.filter { $0 != .released })
  func fieldsAreOrthogonalCentredAndBounded(preset: SOBFPreset) {
    let sobf = SOBF(preset: preset)
    for draw in 0..<32 as Range<UInt64> {
      let (u, v) = Self.fields(sobf, draw: draw)
      #expect(abs(Self.cosine(u, v)) < 1e-6)
      #expect(abs(Self.mean(u)) < 1e-6 && abs(Self.mean(v)) < 1e-6)
      #expect(u.min()! >= -0.25 - 1e-6 && u.max()! <= 0.25 + 1e-6)
      #expect(v.map(abs).max()! <= 0.12 + 1e-6)
      #expect(u.max()! > 0.1, "the field must not vanish")
    }
  }

  @Test func theReleasedFieldsAreOnlyNearlyOrthogonal() {
    let cosines = (0..<8 as Range<UInt64>).map { draw in
      let (u, v) = Self.fields(SOBF(preset: .released), draw: draw)
      return abs(Self.cosine(u, v))
    }
    #expect(cosines.max()! > 1e-4)
  }

  @Test func anUnsquashedBandIsStrictlyBandLimited() {
    var sobf = SOBF(preset: .spectral)
    sobf.squash = .none
    let (u, v) = Self.fields(sobf, Extent(16, 16, 16), draw: 3)
    for (field, above, upTo) in [(u, 0.0, 6.0), (v, 6.0, 12.0)] {
      var (inside, outside) = (0.0, 0.0)
      for (index, value) in Self.cosineSpectrum(field, side: 16).enumerated() {
        let (n, p, q) = (index / 256, index / 16 % 16, index % 16)
        let radius = Double(n * n + p * p + q * q).squareRoot()
        if radius > above && radius <= upTo { inside += value * value } else { outside += value * value }
      }
      #expect(outside < 1e-10 * inside)
    }
  }

  /// The orthonormal cosine transform of a cube, by its definition along each axis.
  static func cosineSpectrum(_ field: [Float], side: Int) -> [Double] {
    var values = field.map(Double.init)
    for stride in [1, side, side * side] {
      var transformed = values
      for index in 0..<values.count where index / stride % side == 0 {
        for wave in 0..<side {
          var sum = 0.0
          for voxel in 0..<side {
            sum += values[index + voxel * stride] * cos(Double.pi * (Double(voxel) + 0.5) * Double(wave) / Double(side))
          }
          transformed[index + wave * stride] = sum * (Double(wave == 0 ? 1 : 2) / Double(side)).squareRoot()
        }
      }
      values = transformed
    }
    return values
  }

  @Test func physicalFieldsAreCubicPolynomialsOfOddAndEvenDegree() {
    var sobf = SOBF(preset: .physical)
    sobf.squash = .none
    let extent = Extent(12, 9, 14), (u, v) = Self.fields(sobf, extent, draw: 4)
    for (field, sign) in [(u, Float(-1)), (v, 1)] {
      let largest = field.map(abs).max()!
      #expect(zip(field, field.reversed()).allSatisfy { abs($0 - sign * $1) < 1e-5 * largest }, "about the middle of the volume")
      // The fourth difference of a cubic is zero, and so is the mean.
      for d in 0..<extent.depth - 4 {
        let line = (0..<5).map { Double(field[extent.index(d + $0, 3, 5)]) }
        #expect(abs(line[0] - 4 * line[1] + 6 * line[2] - 4 * line[3] + line[4]) < 1e-5 * Double(largest))
      }
      let bends = (0..<extent.width - 3).map { w in
        let line = (0..<4).map { Double(field[extent.index(2, 3, w + $0)]) }
        return line[3] - 3 * line[2] + 3 * line[1] - line[0]
      }
      #expect(bends.map(abs).max()! > 1e-4 * Double(largest) || sign > 0, "M has cubic terms")
    }
  }

  @Test func imageFormationIsExactWithoutClamp() {
    var sobf = SOBF(preset: .paper)
    sobf.clamp = .none
    let image = Self.crop()
    let view = sobf.apply(to: image, extent: Self.extent, seed: 1, volume: "v", draw: 9, step: 10, total: 100)
    #expect(image.indices.allSatisfy { image[$0] * view.multiplicativeField[$0] + view.additiveField[$0] == view.image[$0] })
    (sobf.multiplicativeStrength, sobf.additiveStrength) = (0, 0)
    #expect(sobf.apply(to: image, extent: Self.extent, seed: 1, volume: "v", draw: 9, step: 10, total: 100).image == image)
  }

  @Test func everyChannelSharesTheFieldsAndHasItsOwnClamp() {
    let first = Self.crop(seed: 1)
    let second = Self.crop(seed: 2).map { 3 * $0 + 1 }
    let both = zip(first, second).flatMap { [$0, $1] }
    func view(_ image: [Float], channels: Int) -> SOBFView {
      SOBF(preset: .paper).apply(
        to: image, extent: Self.extent, channels: channels, seed: 4, volume: "v", draw: 1, step: 0, total: 10)
    }
    let joined = view(both, channels: 2)
    let alone = [view(first, channels: 1), view(second, channels: 1)]
    #expect(joined.multiplicativeField == alone[0].multiplicativeField)
    for channel in 0..<2 {
      #expect(stride(from: channel, to: both.count, by: 2).map { joined.image[$0] } == alone[channel].image)
    }
  }

  @Test func theViewIsClampedToTheQuantilesOfTheImage() {
    let image = Self.crop()
    let bounds = quantiles(image, channel: 0, of: 1, [0.01, 0.99])
    let view = SOBF(preset: .paper).apply(to: image, extent: Self.extent, seed: 1, volume: "v", draw: 0, step: 1, total: 1)
    #expect(view.image.min() == Float(bounds[0]))
    #expect(view.image.max() == Float(bounds[1]))
  }

  @Test func theSmoothPresetKeepsTheBackground() {
    var image = Self.crop()
    let background: Float = -9
    for voxel in stride(from: 0, to: image.count, by: 3) { image[voxel] = background }
    let view = SOBF(preset: .smooth).apply(to: image, extent: Self.extent, seed: 1, volume: "v", draw: 0, step: 1, total: 1)
    #expect(image.indices.allSatisfy { image[$0] != background || view.image[$0] == background })
    #expect(view.image.min()! == background && view.image.max()! <= image.max()!)
    #expect(view.image != image)
  }

  @Test func anatomySurvives() {
    var sobf = SOBF(preset: .paper)
    sobf.clamp = .none
    let phantom: [Float] = (0..<Self.extent.count).map { $0 / 7 % 3 == 0 ? 1 : 0 }
    let view = sobf.apply(to: phantom, extent: Self.extent, seed: 1, volume: "v", draw: 2, step: 1, total: 1)
    let recovered: [Float] = phantom.indices.map {
      (view.image[$0] - view.additiveField[$0]) / view.multiplicativeField[$0] > 0.5 ? 1 : 0
    }
    #expect(recovered == phantom)
  }

  @Test(arguments: SOBFPreset.allCases)
  func aConstantOrTinyCropStaysFinite(preset: SOBFPreset) {
    for extent in [Extent(6, 10, 8), Extent(1, 9, 9), Extent(1, 1, 1)] {
      let image = [Float](repeating: 2, count: extent.count)
      let view = SOBF(preset: preset).apply(to: image, extent: extent, seed: 1, volume: "v", draw: 2, step: 1, total: 1)
      #expect((view.image + view.multiplicativeField + view.additiveField).allSatisfy { $0.isFinite })
    }
  }

  @Test func theStrengthGrowsFromHalfToFull() {
    let sobf = SOBF(preset: .paper)
    #expect([0, 15000, 30000].map { sobf.strengths(step: $0, of: 30000).multiplicative } == [0.125, 0.1875, 0.25])
    #expect(sobf.strengths(step: 99999, of: 30000).additive == 0.12)
  }

  @Test(arguments: SOBFPreset.allCases)
  func oneDrawGivesTheSameBytesOnEveryThread(preset: SOBFPreset) async {
    let image = Self.crop()
    @Sendable func view(_ draw: UInt64) -> SOBFView {
      SOBF(preset: preset).apply(to: image, extent: Self.extent, seed: 3, volume: "v", draw: draw, step: 1, total: 2)
    }
    let alone = view(4)
    await withTaskGroup(of: [Float].self) { group in
      for _ in 0..<3 { group.addTask { view(4).image } }
      for await image in group { #expect(image == alone.image) }
    }
    #expect(view(5).multiplicativeField != alone.multiplicativeField)
  }
}
