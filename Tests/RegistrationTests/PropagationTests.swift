// Labels that are carried to other volumes: what is carried, which of several is believed, and which volumes get none.

import Kernels
import Registration
import Testing
import Volumes

@Suite struct PropagationTests {
  private static let extent = Extent(32, 34, 36), spacing = Spacing(2, 2, 2)
  private let scene = AnalyticImage(seed: 11)
  private let registration = Registration(millimetres: 2)

  private func bent(_ strength: Double) -> (SIMD3<Double>) -> SIMD3<Double> {
    { p in p + strength * SIMD3(sine(p[1] / 12), cosine(p[2] / 14), sine(p[0] / 13)) }
  }

  /// Class 1 is a ball, class 2 one beside it, of the places that voxels show.
  private func labels(at place: (SIMD3<Double>) -> SIMD3<Double>) -> [UInt8] {
    places(Self.extent, Self.spacing).map { p in
      let q = place(p)
      return (q - SIMD3(0, 0, -9)).length < 9 ? 1 : (q - SIMD3(0, 4, 10)).length < 8 ? 2 : 0
    }
  }

  private func atlas(_ strength: Double) -> Atlas {
    Atlas(
      image: registration.prepared(scene.image(Self.extent, Self.spacing, at: bent(strength))), labels: labels(at: bent(strength))
    )
  }

  private func propagation(_ atlases: [Atlas], classes: Int = 3) -> Propagation {
    Propagation(registration: registration, classes: classes, atlases: atlases)
  }

  @Test func labelsAreCarried() {
    let target = registration.prepared(scene.image(Self.extent, Self.spacing)), truth = labels(at: { $0 })
    #expect(meanDice(atlas(4).labels, truth, classes: 3) < 0.8)
    let found = propagation([atlas(4)]).labels(of: target)
    #expect(found.silence == nil)
    #expect(meanDice(found.labels.labels, truth, classes: 3) > 0.9)
    #expect(found.thereAndBack > 0.9)
    #expect(found.similarity > 0.9)
    #expect(found.labels.certainty.max() == 255)
    #expect(found.labels.certainty.min()! < 200, "a border is less certain")
  }

  /// Unlabelled volumes to which labels were carried before vote too, but not on themselves.
  @Test func templatesVote() {
    let target = registration.prepared(scene.image(Self.extent, Self.spacing)), truth = labels(at: { $0 })
    let far = atlas(5), direct = propagation([far]).labels(of: target)
    var propagation = propagation([far])
    propagation.templates = [atlas(1), atlas(2)]
    let found = propagation.labels(of: target)
    #expect(meanDice(found.labels.labels, truth, classes: 3) > meanDice(direct.labels.labels, truth, classes: 3))
    #expect(found.similarity == direct.similarity, "that of a labelled volume")
    propagation.templates = [Atlas(image: target, labels: [UInt8](repeating: 0, count: truth.count))]
    #expect(propagation.labels(of: target, template: 0) == direct)
  }

  /// What is labelled shows in both images.
  @Test func bordersTellWhetherAVolumeShowsWhatIsLabelled() {
    func image(_ strength: Double, with labels: [UInt8]) -> PreparedImage {
      var image = scene.image(Self.extent, Self.spacing, at: bent(strength))
      for (voxel, label) in labels.enumerated() where label > 0 { image.values[voxel] += 2 }
      return registration.prepared(image)
    }
    let atlas = Atlas(image: image(2, with: labels(at: bent(2))), labels: labels(at: bent(2)))
    func share(_ target: PreparedImage) -> Double {
      let found = propagation([atlas]).labels(of: target)
      return found.atBorders / found.similarity
    }
    #expect(share(image(0, with: labels(at: { $0 }))) > 0.9)
  }

  @Test func classesBeyondFourAndAbsentOnes() {
    var atlas = atlas(2)
    atlas.labels = atlas.labels.map { $0 == 2 ? 6 : $0 }
    let found = propagation([atlas], classes: 8).labels(of: registration.prepared(scene.image(Self.extent, Self.spacing)))
    #expect(Set(found.labels.labels) == [0, 1, 6])
    #expect(found.silence == nil)
  }

  @Test func theMoreSimilarIsBelieved() {
    let target = registration.prepared(scene.image(Self.extent, Self.spacing)), good = atlas(1)
    var wrong = Atlas(image: registration.prepared(AnalyticImage(seed: 99).image(Self.extent, Self.spacing)), labels: good.labels)
    wrong.labels = wrong.labels.map { $0 == 0 ? 2 : 0 }
    let alone = propagation([good]).labels(of: target), both = propagation([wrong, good]).labels(of: target)
    #expect(meanDice(both.labels.labels, alone.labels.labels, classes: 3) > 0.9)
  }

  @Test func leaveOneOut() {
    #expect(propagation([atlas(1)]).leaveOneOut().isEmpty)
    var wrong = atlas(1.5)
    wrong.labels = wrong.labels.map { $0 == 0 ? 0 : 3 - $0 }
    let found = propagation([atlas(1), atlas(2), atlas(3), wrong]).leaveOneOut()
    #expect(found[0..<3].allSatisfy { $0 > 0.85 })
    #expect(found[3] < 0.1)
  }

  /// Volumes that cannot be registered.
  private func hopeless() -> [(String, RegistrationImage)] {
    let good = scene.image(Self.extent, Self.spacing)
    func with(_ values: [Float]) -> RegistrationImage {
      RegistrationImage(extent: Self.extent, spacing: Self.spacing, channels: 1, values: values)
    }
    var hole = good.values
    hole[777] = .nan
    var state: UInt64 = 5
    let noise = good.values.map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Float(state >> 40) / 65536
    }
    return [
      ("too thin", scene.image(Extent(1, 34, 36), Self.spacing)), ("same everywhere", with(good.values.map { _ in 3 })),
      ("no numbers", with(hole)),
      ("other channels", RegistrationImage(extent: Extent(32, 34, 18), spacing: Self.spacing, channels: 2, values: good.values)),
      ("", with(noise)), ("", AnalyticImage(seed: 77, blobs: 9).image(Self.extent, Self.spacing)),
    ]
  }

  @Test func silentVolumes() throws {
    for (number, (reason, image)) in hopeless().enumerated() {
      let found = propagation([atlas(1)]).labels(of: registration.prepared(image))
      let silence = try #require(found.silence, "case \(number): \(found.similarity), \(found.thereAndBack)")
      #expect(reason.isEmpty || silence.contains(reason), "\(silence)")
      #expect(found.labels.certainty.allSatisfy { $0 == 0 })
      #expect(found.labels.labels.count == image.extent.count)
    }
  }

  @Test func uselessAtlases() {
    let target = registration.prepared(scene.image(Self.extent, Self.spacing))
    var empty = atlas(1)
    empty.labels = empty.labels.map { _ in 0 }
    #expect(propagation([empty]).labels(of: target).silence != nil, "nothing comes back")
    let flat = RegistrationImage(extent: Self.extent, spacing: Self.spacing, channels: 1, values: empty.labels.map { Float($0) })
    #expect(propagation([Atlas(image: registration.prepared(flat), labels: atlas(1).labels)]).labels(of: target).silence != nil)
  }
}
