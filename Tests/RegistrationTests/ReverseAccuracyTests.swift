// Segmentations of known quality come out in their order, and what cannot be compared says why.

import Kernels
import Registration
import Testing
import Volumes

@Suite struct ReverseAccuracyTests {
  private static let extent = Extent(28, 30, 32), spacing = Spacing(2, 2, 2)
  private let scene = AnalyticImage(seed: 11)
  private let registration = Registration(millimetres: 2)

  private func bent(_ strength: Double) -> (SIMD3<Double>) -> SIMD3<Double> {
    { p in p + strength * SIMD3(sine(p[1] / 12), cosine(p[2] / 14), sine(p[0] / 13)) }
  }

  /// Class 1 is a ball, class 2 one beside it, of the places that voxels show, moved by so many mm.
  private func labels(at place: (SIMD3<Double>) -> SIMD3<Double>, moved: Double = 0) -> [UInt8] {
    places(Self.extent, Self.spacing).map { p in
      let q = place(p) - SIMD3(0, moved, 0)
      return (q - SIMD3(0, 0, -9)).length < 9 ? 1 : (q - SIMD3(0, 4, 10)).length < 8 ? 2 : 0
    }
  }

  private func atlas(_ strength: Double) -> Atlas {
    Atlas(
      image: registration.prepared(scene.image(Self.extent, Self.spacing, at: bent(strength))), labels: labels(at: bent(strength))
    )
  }

  private func accuracy(_ atlases: [Atlas]) -> ReverseAccuracy {
    ReverseAccuracy(registration: registration, classes: 3, structures: [[1], [2]], atlases: atlases)
  }

  private func mean(_ found: ReverseAgreement) throws -> Double {
    #expect(found.reason == nil)
    let values = try found.dice.map { try #require($0) }
    return values.reduce(0, +) / Double(values.count)
  }

  @Test func estimatesFollowTheTruth() throws {
    let image = registration.prepared(scene.image(Self.extent, Self.spacing)), truth = labels(at: { $0 })
    let accuracy = accuracy([atlas(3)])
    let masks = [0.0, 3, 6, 12].map { labels(at: { $0 }, moved: $0) } + [truth.map { _ in UInt8(0) }]
    let found = try masks.map { try mean(accuracy.agreement(of: $0, on: image)) },
      actual = masks.map { meanDice($0, truth, classes: 3) }
    #expect(found[0] > 0.9)
    #expect(found.last! == 0, "destroyed")
    #expect(zip(found, found.dropFirst()).allSatisfy { $0 > $1 + 0.05 }, "\(found)")
    for (estimate, dice) in zip(found, actual) { #expect(abs(estimate - dice) < 0.1, "\(found), \(actual)") }
  }

  @Test func theCeilingIsThatOfTrueLabels() throws {
    let accuracy = accuracy([atlas(3), atlas(-2)])
    let ceiling = try mean(accuracy.ceiling(0, 1))
    #expect(0.85...1 ~= ceiling)
    #expect(
      ceiling
        == (try mean(
          ReverseAccuracy(
            registration: registration, classes: 3, structures: [[1], [2]], atlases: [atlas(-2)]
          ).agreement(of: atlas(3).labels, on: atlas(3).image))))
  }

  @Test func aClassThatNoLabelledVolumeHasIsNotKnown() throws {
    var one = atlas(1)
    one.labels = one.labels.map { $0 == 2 ? 0 : $0 }
    let found = accuracy([one]).agreement(
      of: labels(at: { $0 }), on: registration.prepared(scene.image(Self.extent, Self.spacing)))
    #expect(try #require(found.dice[0]) > 0.9)
    #expect(found.dice[1] == nil)
  }

  @Test func whatCannotBeRegisteredSaysSo() throws {
    let good = scene.image(Self.extent, Self.spacing), labels = labels(at: { $0 })
    func reason(_ image: RegistrationImage) -> String? {
      accuracy([atlas(1)]).agreement(of: Array(labels.prefix(image.extent.count)), on: registration.prepared(image)).reason
    }
    var flat = good
    flat.values = flat.values.map { _ in 2 }
    #expect(reason(flat) == "it is the same everywhere")
    #expect(try #require(reason(scene.image(Extent(1, 30, 32), Self.spacing))).hasPrefix("it is too thin"))
    let two = RegistrationImage(
      extent: Extent(28, 30, 16), spacing: Self.spacing, channels: 2, values: good.values)
    #expect(reason(two) == "it has other channels than the labelled volumes")
  }

  @Test func averagesKeepThePlace() {
    let image = scene.image(Self.extent, Self.spacing), coarse = image.averaged(to: 4)
    #expect(coarse.extent == Extent(14, 15, 16))
    let direct = scene.image(coarse.extent, coarse.spacing)
    let apart = zip(coarse.values, direct.values).map { abs($0 - $1) }.max()!
    #expect(apart < 0.2, "\(apart)")
  }
}
