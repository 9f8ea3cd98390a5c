// Patches: determinism, padding, foreground share, and turns and flips that move image and label together.

import Preparation
import Tensors
import Testing
import Volumes

@Suite struct PatchTests {
  /// An image whose value is the voxel's number, and a label with a single foreground voxel of class 2 and a block of class 1.
  static let extent = Extent(6, 10, 9)
  static let image = (0..<extent.count).map { Float($0) }
  static let label: [UInt8] = {
    var label = [UInt8](repeating: 0, count: extent.count)
    for d in 1..<3 { for h in 2..<5 { for w in 3..<6 { label[extent.index(d, h, w)] = 1 } } }
    label[extent.index(5, 9, 8)] = 2
    return label
  }()

  static func patch(_ sampler: PatchSampler, draw: UInt64, identifier: String = "a") -> Patch {
    sampler.sample(image: image, label: label, extent: extent, channels: 1, identifier: identifier, draw: draw)
  }

  @Test func aPatchIsAFunctionOfSeedCaseAndDraw() {
    let sampler = PatchSampler(
      patch: Extent(4, 4, 4), seed: 1, augmentation: PatchAugmentation(.rotateFlip, flipAxes: [.height, .width]))
    let base = Self.patch(sampler, draw: 3)
    #expect(Self.patch(sampler, draw: 3).image == base.image)
    let starts = Set((0..<40 as Range<UInt64>).map { Self.patch(sampler, draw: $0).image[0] })
    #expect(starts.count > 20)
    let others = (0..<8 as Range<UInt64>).filter {
      Self.patch(sampler, draw: $0, identifier: "b").image != Self.patch(sampler, draw: $0).image
    }
    #expect(others.count > 4)
  }

  @Test(arguments: [PatchAugmentation.Kind.none, .flip, .rotateFlip])
  func imageLabelAndPlaceMoveTogether(kind: PatchAugmentation.Kind) {
    let augmentation = PatchAugmentation(kind, flipAxes: [.depth, .height, .width])
    let sampler = PatchSampler(patch: Extent(4, 5, 5), seed: 2, augmentation: augmentation)
    for draw in 0..<30 as Range<UInt64> {
      let patch = Self.patch(sampler, draw: draw)
      for (value, label) in zip(patch.image, patch.label!) { #expect(label == Self.label[Int(value)]) }
      #expect(Set(patch.image).count == patch.extent.count)
      for (d, h, w) in [(0, 0, 0), (3, 4, 4), (1, 2, 3)] {
        let voxel = patch.place.position(d, h, w)
        #expect(patch.image[patch.extent.index(d, h, w)] == Self.image[Self.extent.index(voxel[0], voxel[1], voxel[2])])
      }
    }
  }

  @Test func everyOffsetOccursAndNoneLeavesTheVolume() {
    let sampler = PatchSampler(patch: Extent(4, 8, 8), seed: 2, foregroundShare: 0)
    let firsts = Set((0..<400 as Range<UInt64>).map { Int(Self.patch(sampler, draw: $0).image[0]) })
    var expected: Set<Int> = []
    for d in 0...2 { for h in 0...2 { for w in 0...1 { expected.insert(Self.extent.index(d, h, w)) } } }
    #expect(firsts == expected)
  }

  @Test func foregroundPatchesHoldAForegroundVoxelAndEachClassIsEquallyLikely() {
    let always = PatchSampler(patch: Extent(2, 3, 3), seed: 4, foregroundShare: 1)
    let patches = (0..<200 as Range<UInt64>).map { Self.patch(always, draw: $0).label! }
    #expect(patches.allSatisfy { $0.contains { $0 > 0 } })
    let rare = patches.filter { $0.contains(2) }.count
    #expect(rare > 60 && rare < 140)
    let third = PatchSampler(patch: Extent(1, 1, 1), seed: 4)
    let hits = (0..<600 as Range<UInt64>).filter { Self.patch(third, draw: $0).label! != [0] }.count
    // a third on purpose and 19 of 540 voxels by chance
    #expect(hits > 150 && hits < 270)
  }

  @Test func onlyLabelledCasesShowTheirLabel() {
    let frame = CaseFrame(
      originalExtent: Self.extent, originalSpacing: Spacing(1, 1, 1), cropStart: [0, 0, 0], cropExtent: Self.extent,
      grid: FileGrid(canonical: Self.extent, spacing: Spacing(1, 1, 1)))
    for role in CaseRole.allCases {
      let prepared = PackedCase(
        identifier: "a", role: role, extent: Self.extent, spacing: Spacing(1, 1, 1), channels: 1, image: Self.image,
        label: Self.label, frame: frame)
      let patch = PatchSampler(patch: Extent(2, 2, 2), seed: 1, foregroundShare: 1).sample(prepared, draw: 0)
      #expect((patch.label != nil) == (role == .labelled))
    }
  }

  @Test func aSmallVolumeIsCentredInItsPatch() {
    let patch = PatchSampler(patch: Extent(2, 3, 4), seed: 1).sample(
      image: [5, 50, 6, 60, 7, 70], label: [1, 1, 1], extent: Extent(1, 1, 3), channels: 2, identifier: "s", draw: 0)
    var image: [Float] = []
    for _ in 0..<24 { image += [5, 50] }
    for (voxel, values) in [(4, [5, 50] as [Float]), (5, [6, 60]), (6, [7, 70])] {
      image[2 * voxel] = values[0]
      image[2 * voxel + 1] = values[1]
    }
    #expect(patch.image == image)
    #expect(patch.label! == (0..<24).map { (4...6).contains($0) ? 1 : 0 })
  }

  @Test func quarterTurnsAndFlipsAreThoseOfTheSpecification() {
    // A turn followed by one flip reaches these four and no others.
    let reachable: Set<[Int]> = [[0, 2, 1, 3], [3, 1, 2, 0], [2, 3, 0, 1], [1, 0, 3, 2]]
    let augmentation = PatchAugmentation(.rotateFlip, flipAxes: [.height, .width])
    let found = (0..<100 as Range<UInt64>).map { draw in
      let permutation = augmentation.draw(RandomKey(draw), patch: Extent(1, 2, 2))
      return permutation.apply([0, 1, 2, 3], extent: Extent(1, 2, 2), channels: 1)
    }
    #expect(Set(found) == reachable)
    let turned = PatchPermutation(quarterTurns: 1, flips: []).apply([0, 1, 2, 3], extent: Extent(1, 2, 2), channels: 1)
    #expect(turned == [1, 3, 0, 2])
  }

  @Test func anUnequalPatchTurnsOnlyByHalves() {
    let augmentation = PatchAugmentation(.rotateFlip)
    let turns = Set((0..<50 as Range<UInt64>).map { augmentation.draw(RandomKey($0), patch: Extent(4, 5, 6)).quarterTurns })
    #expect(turns == [0, 2])
  }
}
