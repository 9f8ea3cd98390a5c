// Random contrasts of crops: what a curve does to intensities, which crops get one, and what stays as it is.

import Kernels
import Preparation
import TestSupport
import Tensors
import Testing
import Volumes

@Suite struct RandomContrastTests {
  private static let volume = Extent(14, 18, 20), patch = Extent(8, 12, 16)
  private static let label = (0..<volume.count).map { UInt8($0 / 11 % 3) }
  /// Two channels of few different values.
  private static let image = (0..<2 * volume.count).map { Float(RandomKey(3).integer(UInt64($0), below: 9)) - 4 }

  private func crop(
    _ draw: UInt64, _ probability: Double, _ kind: PatchAugmentation.Kind = .flip, label: [UInt8]? = label, inside: [UInt8]? = nil
  ) -> Patch {
    let sampler = PatchSampler(
      patch: Self.patch, seed: 9, augmentation: PatchAugmentation(kind, flipAxes: [.depth], contrastProbability: probability),
      clearsOutside: [true, false])
    return sampler.sample(
      image: Self.image, label: label, inside: inside, extent: Self.volume, channels: 2, identifier: "a", draw: draw)
  }

  private func channel(_ patch: Patch, _ number: Int) -> [Float] { (0..<Self.patch.count).map { patch.image[2 * $0 + number] } }

  /// Through its knots, level there, between its neighbours everywhere, and constant outside.
  @Test func curvesGoThroughTheirKnots() {
    let knots: [Float] = [0, 0.9, 0.2, 0.6]
    var values: [Float] = [-9, -1, 0, 1, 2, 9, -0.5, -0.999, 0.25]
    applyCurve(&values, through: knots, from: -1, to: 2, count: values.count)
    #expect(values.prefix(6) == [0, 0, 0.9, 0.2, 0.6, 0.6] && abs(values[6] - 0.45) < 1e-6)
    #expect(values[7] < 1e-4 && (0.2...0.9).contains(values[8]))
  }

  /// Mean and standard deviation stay, what was alike stays alike, the darkest too, and tissues change their order.
  @Test func contrastsAreFunctionsOfTheIntensity() {
    var turned = 0
    for draw in 0..<20 as Range<UInt64> {
      let before = crop(draw, 0), after = crop(draw, 1)
      #expect(before.label == after.label && before.place.cut(labels: Self.label) == after.label)
      for number in 0..<2 {
        let (old, new) = (channel(before, number), channel(after, number)), count = Self.patch.count
        let (was, found) = (IntensityStatistics(old, count: count), IntensityStatistics(new, count: count))
        #expect(abs(was.mean - found.mean) < 1e-4 && abs(was.standardDeviation - found.standardDeviation) < 1e-4)
        var curve: [Float: Float] = [:]
        for (from, to) in zip(old, new) { #expect(curve.updateValue(to, forKey: from) ?? to == to) }
        #expect(curve.values.min() == curve[-4])
        let ordered = curve.sorted { $0.key < $1.key }.map(\.value)
        turned += ordered == ordered.sorted() ? 0 : 1
      }
      #expect(channel(after, 0) != channel(after, 1))
    }
    #expect(turned > 30, "most curves fall somewhere: \(turned) of 40")
  }

  /// The same bits on any number of threads; drawn as often as asked, and for labelled crops alone.
  @Test(arguments: [PatchAugmentation.Kind.none, .nnunet]) func labelledCropsGetThemAsOftenAsAsked(kind: PatchAugmentation.Kind) {
    let threads = Threads.count
    defer { Threads.set(threads) }
    let draws = 0..<60 as Range<UInt64>
    Threads.set(1)
    let plain = draws.map { crop($0, 0, kind).image }, changed = draws.map { crop($0, 0.5, kind).image }
    Threads.set(3)
    #expect(draws.map { crop($0, 0.5, kind).image } == changed)
    let count = zip(plain, changed).count { $0 != $1 }
    #expect((15...45).contains(count), "\(count) of 60")
    for draw in draws.prefix(10) { #expect(crop(draw, 1, kind, label: nil).image == crop(draw, 0, kind, label: nil).image) }
  }

  @Test func outsideOfTheObjectStays0() {
    let inside = (0..<Self.volume.count).map { UInt8($0 % 20 < 12 ? 1 : 0) }
    for draw in 0..<10 as Range<UInt64> {
      let crop = crop(draw, 1, .nnunet, inside: inside), zeros = channel(crop, 0).count { $0 == 0 }
      #expect(zeros > 0 && channel(crop, 1).count { $0 == 0 } < zeros)
    }
  }

  /// A crop that is the same everywhere has no contrast.
  @Test func flatCropsStay() {
    var values = [Float](repeating: 2.5, count: 40)
    RandomContrast(RandomKey(1)).apply(&values, count: 40)
    #expect(values == [Float](repeating: 2.5, count: 40))
  }
}
