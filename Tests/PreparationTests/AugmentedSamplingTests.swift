// Crops that a sampler augments as nnU-Net does: what is read, what goes together, how often changes are drawn.

import Foundation
import Kernels
import Preparation
import TestSupport
import Tensors
import Testing
import Volumes

@Suite struct AugmentedSamplingTests {
  private static let volume = Extent(18, 22, 20), patch = Extent(8, 10, 12)
  private static let label = (0..<volume.count).map { UInt8((RandomKey(4).hash(UInt64($0 / 7)) >> 8) % 3) }
  /// Two channels.
  private static let image = (0..<2 * volume.count).map { Float(RandomKey(3).gaussian(UInt64($0))) }

  private func sampler(_ placement: PatchPlacement = .nnunet) -> PatchSampler {
    PatchSampler(
      patch: Self.patch, seed: 9, augmentation: PatchAugmentation(.nnunet, flipAxes: [.depth, .width]), placement: placement)
  }

  private func crop(_ image: [Float] = image, _ draw: UInt64, _ placement: PatchPlacement = .nnunet) -> Patch {
    sampler(placement).sample(image: image, label: Self.label, extent: Self.volume, channels: 2, identifier: "a", draw: draw)
  }

  /// Labels of the same volume that come from elsewhere are brought to a crop as its own are.
  @Test(arguments: PatchPlacement.allCases) func pseudoLabelsAreTurnedLikeLabels(placement: PatchPlacement) {
    for draw in 0..<40 as Range<UInt64> {
      let crop = crop(Self.image, draw, placement)
      #expect(crop.place.cut(labels: Self.label) == crop.label)
    }
  }

  /// The same bits on any number of threads, and different ones for each draw.
  @Test func cropsAreFunctionsOfTheirDraw() {
    let threads = Threads.count
    defer { Threads.set(threads) }
    Threads.set(1)
    let alone = (0..<24 as Range<UInt64>).map { crop(Self.image, $0).image }
    Threads.set(3)
    #expect((0..<24 as Range<UInt64>).map { crop(Self.image, $0).image } == alone)
    #expect(Set(alone).count == 24)
  }

  /// No voxel but those of the box that a crop needs has any part in it.
  @Test func onlyTheNeededBoxIsRead() {
    let augmented = AugmentedPatch(Self.patch, enlarged: Extent(12, 13, 14)), start = [3, -2, 5]
    let inside = (0..<Self.volume.count).map { voxel in
      let place = [voxel / (22 * 20), voxel / 20 % 22, voxel % 20]
      return (0..<3).allSatisfy { (start[$0]..<start[$0] + augmented.enlarged[$0]).contains(place[$0]) }
    }
    let poisoned = Self.image.enumerated().map { inside[$0 / 2] ? $1 : .nan }
    var turned = 0
    for draw in 0..<60 as Range<UInt64> {
      let crop = AugmentedCrop(augmented, start: start, volume: Self.volume, channels: 2, key: RandomKey(draw))
      turned += crop.isTurned ? 1 : 0
      #expect(crop.image(poisoned, channels: 2) == crop.image(Self.image, channels: 2))
    }
    #expect(turned > 5 && turned < 55)
  }

  @Test func changesAreDrawnAsOftenAsNNUNetDraws() {
    let patch = AugmentedPatch(Self.patch), count = 8000
    let draws = (0..<UInt64(count)).map { AugmentationDraw(RandomKey(11).child($0), patch, channels: 2) }
    func share(_ isDrawn: (AugmentationDraw) -> Bool) -> Double { Double(draws.count(where: isDrawn)) / Double(count) }
    func isNear(_ found: Double, _ expected: Double) -> Bool {
      abs(found - expected) < 4 * (expected * (1 - expected) / 8000).squareRoot()
    }
    #expect(isNear(share { $0.spatial != nil }, 0.36) && isNear(share { $0.noise != nil }, 0.1))
    #expect(isNear(share { $0.blur[0] != nil }, 0.1) && isNear(share { $0.blur[0] != nil && $0.blur[1] != nil }, 0.05))
    #expect(isNear(share { $0.zoom[1] != nil }, 0.125) && isNear(share { $0.brightness[0] != nil }, 0.15))
    #expect(isNear(share { $0.contrast[1] != nil }, 0.15) && isNear(share { $0.invertedGamma[0] != nil }, 0.1))
    let gammas = draws.compactMap { $0.gamma[0] }
    #expect(isNear(share { $0.gamma[0] != nil }, 0.3) && gammas.allSatisfy { (0.7...1.5).contains($0) })
    #expect(isNear(Double(gammas.count { $0 < 1 }) / Double(count), 0.15), "below 1 as often as above")
  }

  /// A change of a family is the same whichever others are asked for.
  @Test func familiesAreDrawnApart() {
    let patch = AugmentedPatch(Self.patch)
    for draw in 0..<200 as Range<UInt64> {
      func drawn(_ families: AugmentationFamilies) -> AugmentationDraw {
        AugmentationDraw(RandomKey(draw), patch, channels: 2, families: families)
      }
      let (all, spatial, noise, contrast) = (drawn(.all), drawn(.spatial), drawn(.noise), drawn(.contrast))
      #expect(spatial.spatial == all.spatial && noise.spatial == nil && contrast.spatial == nil)
      #expect(noise.noise == all.noise && noise.blur == all.blur && noise.zoom == all.zoom && spatial.noise == nil)
      #expect(contrast.brightness == all.brightness && contrast.contrast == all.contrast && contrast.gamma == all.gamma)
      #expect(contrast.invertedGamma == all.invertedGamma && noise.gamma == [nil, nil] && spatial.brightness == [nil, nil])
    }
  }

  /// Beyond the volume the image is 0 and the label background, and every allowed start is drawn.
  @Test func cropsReachBeyondTheVolume() {
    let sampler = PatchSampler(patch: Extent(4, 4, 4), seed: 1, foregroundShare: 1, placement: .nnunet), volume = Extent(3, 4, 6)
    let image = [Float](repeating: 5, count: volume.count), label = [UInt8](repeating: 1, count: volume.count)
    var starts = Set<[Int]>()
    for draw in 0..<200 as Range<UInt64> {
      let patch = sampler.sample(
        image: image, label: label, extent: volume, channels: 1, identifier: "b", draw: draw, forced: draw % 2 == 0)
      #expect(zip(patch.image, patch.label!).allSatisfy { $0 == 5 * Float($1) })
      if draw % 2 == 1 { starts.insert(patch.place.origin) }
    }
    let allowed = AugmentedPatch(Extent(4, 4, 4), isTurned: false).starts(in: volume)
    #expect(starts.count == allowed.reduce(1) { $0 * $1.count })
  }

  /// What lies outside of the object is 0 in channels that are normalised in it alone, whatever was done to them; labels are those of one map in which
  /// the outside has a label of its own.
  @Test func outsideOfTheObjectIsZero() {
    let inside = (0..<Self.volume.count).map { voxel in UInt8((3..<18).contains(voxel / 20 % 22) ? 1 : 0) }
    let label = zip(Self.label, inside).map { $0 * $1 }
    var masked = sampler()
    masked.clearsOutside = [true, false]
    var turned = 0
    for draw in 0..<40 as Range<UInt64> {
      func crop(_ sampler: PatchSampler, _ label: [UInt8]?) -> Patch {
        sampler.sample(
          image: Self.image, label: label, inside: inside, extent: Self.volume, channels: 2, identifier: "a", draw: draw,
          forced: false)
      }
      let free = crop(sampler(), label), cleared = crop(masked, label), object = crop(masked, inside).label!
      var isTurned = false
      for voxel in 0..<Self.patch.count {
        #expect(cleared.image[2 * voxel + 1] == free.image[2 * voxel + 1])
        // Where labels meet, the object may win together what each of its labels loses alone.
        if cleared.image[2 * voxel] != 0 { #expect(cleared.image[2 * voxel] == free.image[2 * voxel]) }
        if object[voxel] == 0, cleared.label![voxel] == 0 { #expect(cleared.image[2 * voxel] == 0) }
        if cleared.label![voxel] > 0 { #expect(cleared.image[2 * voxel] == free.image[2 * voxel]) }
        isTurned = isTurned || cleared.label![voxel] != free.label![voxel]
      }
      turned += isTurned ? 1 : 0
      #expect(crop(masked, nil).label == nil)
    }
    #expect(turned > 0 && turned < 40)
  }

  /// Forced patches lie around a region, with the voxels of all its labels alike; where voxels are ignored the others lie around one that is not.
  @Test func patchesLieAroundWhatIsKnown() {
    let extent = Extent(1, 1, 40), label = (0..<40).map { UInt8($0 < 30 ? 3 : $0 < 36 ? 0 : $0 < 39 ? 1 : 2) }
    func centres(_ forced: Bool, _ meaning: LabelMeaning?) -> [UInt8] {
      let sampler = PatchSampler(patch: Extent(1, 1, 1), seed: 3, placement: .nnunet, labels: meaning)
      return (0..<300 as Range<UInt64>).map { draw in
        sampler.sample(
          image: label.map(Float.init), label: label, extent: extent, channels: 1, identifier: "a", draw: draw, forced: forced
        ).label![0]
      }
    }
    let ignoring = LabelMeaning(classNames: ["background", "a", "b"], hasIgnored: true)
    #expect(Set(centres(false, ignoring)) == [0, 1, 2] && Set(centres(true, ignoring)) == [1, 2])
    #expect(centres(false, nil).contains(3))
    var region = ignoring
    region.regions = [LabelRegion(name: "both", labels: [1, 2])]
    let share = Double(centres(true, region).count { $0 == 2 }) / 300
    #expect(share > 0.15 && share < 0.35, "\(share)")
  }
}
