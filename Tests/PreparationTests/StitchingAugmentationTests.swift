// The changes of crops and canvases with which SAM is fine-tuned, against ShumengLI/SFR (Fixtures/sfr_stitch) and by their properties.

import Foundation
import Preparation
import TestSupport
import Tensors
import Testing
import Volumes

@Suite struct StitchingAugmentationTests {
  private func tensors() throws -> [String: GoldenTensor] { try loadSafetensors(StitchingGoldenTests.path) }

  @Test func cropsArePaddedAndCutAsPublished() throws {
    let tensors = try tensors()
    for number in 0..<3 {
      let input = try #require(tensors["crop\(number).input"]), output = tensors["crop\(number).output"]!
      let extent = Extent(input.shape[0], input.shape[1], input.shape[2])
      let crop = PublishedCrop(patch: Extent(output.shape[0], output.shape[1], output.shape[2]))
      let start = tensors["crop\(number).start"]!.floats.map { Int($0) }
      #expect(crop.startCounts(in: extent) == tensors["crop\(number).start_limit"]!.floats.map { Int($0) })
      #expect(crop.cut(image: input.floats, of: extent, channels: 1, start: start) == output.floats)
      let labels = input.floats.map { UInt8(Int($0) % 256) }
      #expect(crop.cut(label: labels, of: extent, start: start) == output.floats.map { UInt8(Int($0) % 256) })
    }
  }

  @Test func startsCoverWhatIsPublishedAndNoMore() {
    let crop = PublishedCrop(patch: Extent(4, 4, 4)), extent = Extent(6, 7, 5)
    let starts = (0..<400 as Range<UInt64>).map { crop.start(in: extent, key: RandomKey($0)) }
    #expect(crop.padding(of: extent) == [0, 0, 0] && crop.startCounts(in: extent) == [2, 3, 1])
    #expect(Set(starts) == [[0, 0, 0], [0, 1, 0], [0, 2, 0], [1, 0, 0], [1, 1, 0], [1, 2, 0]])
    #expect(crop.padding(of: Extent(4, 7, 20)) == [3, 1, 0], "floor, below zero too; one short axis pads all")
  }

  @Test func curvesAreTheOriginals() throws {
    let tensors = try tensors(), controls = try #require(tensors["remap.controls_abcd"]), input = tensors["remap.input"]!.floats
    for row in 0..<controls.shape[0] {
      let c = controls.floats[4 * row..<4 * row + 4].map { Double($0) }
      let expected = tensors["remap.output"]!.floats[row * input.count..<(row + 1) * input.count]
      for (found, golden) in zip(mapped(input, c), expected) { #expect(abs(found - golden) <= 2e-5) }
    }
    let byHand: [Float] = [0, 0, 0.275482, 0.452808, 0.563908, 0.694723, 0.848403, 1, 1]
    let found = mapped([-1.5, 0, 0.1, 0.25, 0.5, 0.75, 0.9, 1, 2.3], [0.2, 0.8, 0.6, 0.3])
    #expect(zip(found, byHand).allSatisfy { abs($0 - $1) <= 2e-5 })
  }

  private func mapped(_ values: [Float], _ controls: [Double]) -> [Float] {
    var values = values
    values.withUnsafeMutableBufferPointer { IntensityCurve(controls[0], controls[1], controls[2], controls[3]).apply($0) }
    return values
  }

  @Test func curvesNeverFallAndStayInRange() {
    let values: [Float] = (0...500).map { Float($0) / 400 - 0.125 } + [Float.nan, .infinity, -.infinity]
    for draw in 0..<50 as Range<UInt64> {
      let key = RandomKey(draw), found = mapped(values, (0..<4 as Range<UInt64>).map { key.uniform($0) })
      #expect(zip(found, found.dropFirst()).prefix(500).allSatisfy { $0 <= $1 })
      #expect(found.allSatisfy { (0...1).contains($0) })
    }
  }

  @Test func halfOfTheSlicesAreMappedEachByItsOwnCurve() {
    let crop = Extent(200, 3, 3), image = (0..<crop.count).map { Float($0 % 9) / 4 - 1 }
    let remap = IntensityRemap(), result = remap.apply(image, crop: crop, key: RandomKey(5))
    #expect(result == remap.apply(image, crop: crop, key: RandomKey(5)))
    let slices = (0..<200).map { Array(result[9 * $0..<9 * ($0 + 1)]) }, original = Array(image.prefix(9))
    let changed = slices.filter { $0 != original }
    #expect((75...125).contains(changed.count) && Set(changed).count == changed.count)
    #expect(changed.allSatisfy { $0[0..<5] == [0, 0, 0, 0, 0] && $0[8] == 1 }, "what was below the mean is 0")
    #expect(IntensityRemap(probability: 0).apply(image, crop: crop, key: RandomKey(5)) == image)
  }

  @Test func rescaledSlicesKeepTheirRange() {
    let crop = Extent(60, 3, 3), image = (0..<crop.count).map { Float($0 % 9) * 3 - 50 }
    let result = IntensityRemap(rescalesFirst: true).apply(image, crop: crop, key: RandomKey(5))
    for slice in 0..<60 {
      let values = result[9 * slice..<9 * (slice + 1)]
      #expect(values.first == 0 && values.last == 1 && Set(values).count == 9)
    }
    #expect(
      IntensityRemap(probability: 0, rescalesFirst: true).apply([7, 7], crop: Extent(1, 1, 2), key: RandomKey(1)) == [0, 0])
    let standard = IntensityRemap.standardized(result)
    let mean = standard.reduce(0, +) / Float(standard.count), square = standard.reduce(0) { $0 + $1 * $1 } / Float(standard.count)
    #expect(abs(mean) < 1e-5 && abs(square - 1) < 1e-5)
  }

  @Test func canvasesTurnAsPublishedAndBack() throws {
    let tensors = try tensors(), input = try #require(tensors["rotflip.input2d"]), side = input.shape[0]
    for turns in 0..<4 {
      for axis in 0..<2 {
        let turn = CanvasTurn(quarterTurns: turns, flippedAxis: axis)
        let expected = tensors["rotflip.canvas.k\(turns).axis\(axis)"]!.floats
        #expect(turn.apply(input.floats, side: side) == expected, "k \(turns), axis \(axis)")
        #expect(turn.apply(labels: input.floats.map { UInt8($0) }, side: side) == expected.map { UInt8($0) })
      }
    }
    let pair = input.floats.flatMap { [$0, $0 + 100] }, labels = input.floats.map { UInt8($0) }
    for turns in 0..<4 {
      for axis in [nil, 0, 1] {
        let turn = CanvasTurn(quarterTurns: turns, flippedAxis: axis)
        #expect(turn.undo(turn.apply(pair, side: side, channels: 2), side: side, channels: 2) == pair)
        #expect(turn.undo(labels: turn.apply(labels: labels, side: side), side: side) == labels)
      }
    }
  }

  @Test func onlyMirrorImagesUnlessFlipsAreHalved() {
    func reached(_ probability: Double) -> Set<[Float]> {
      Set(
        (0..<200 as Range<UInt64>).map {
          CanvasTurn(key: RandomKey($0), flipProbability: probability).apply([0, 1, 2, 3], side: 2)
        })
    }
    let mirrored: Set<[Float]> = [[0, 2, 1, 3], [3, 1, 2, 0], [2, 3, 0, 1], [1, 0, 3, 2]]
    #expect(reached(1) == mirrored && reached(0.5).count == 8 && reached(0.5).isSuperset(of: mirrored))
  }

  /// The original's k quarter turns in its plane (x, y) are 4 - k of ours in (H, W) = (y, x); its axis 0 is our W, its axis 1 our H.
  @Test func volumesTurnAsPublished() throws {
    let tensors = try tensors(), input = try #require(tensors["rotflip.input3d"]), shape = input.shape
    func turned(_ values: [Float]) -> [Float] {  // [x, y, z] to [z, y, x]
      (0..<values.count).map { voxel in
        let (x, y, z) = (voxel % shape[0], voxel / shape[0] % shape[1], voxel / (shape[0] * shape[1]))
        return values[(x * shape[1] + y) * shape[2] + z]
      }
    }
    let extent = Extent(shape[2], shape[1], shape[0])
    for turns in 0..<4 {
      for axis in 0..<2 {
        let permutation = PatchPermutation(quarterTurns: (4 - turns) % 4, flips: [axis == 0 ? 2 : 1])
        let expected = turned(tensors["rotflip.volume.k\(turns).axis\(axis)"]!.floats)
        #expect(permutation.apply(turned(input.floats), extent: extent, channels: 1) == expected, "k \(turns), axis \(axis)")
      }
    }
  }

  @Test func aHalvedFlipProbabilityReachesAllEightPlaces() {
    func reached(_ probability: Double) -> [[Int]: Int] {
      let augmentation = PatchAugmentation(.rotateFlip, flipAxes: [.height, .width], flipProbability: probability)
      return (0..<800 as Range<UInt64>).reduce(into: [:]) { counts, draw in
        let permutation = augmentation.draw(RandomKey(draw), patch: Extent(1, 2, 2))
        counts[permutation.apply([0, 1, 2, 3], extent: Extent(1, 2, 2), channels: 1), default: 0] += 1
      }
    }
    #expect(PatchAugmentation().flipProbability == 1 && reached(1).count == 4)
    #expect(reached(0.5).count == 8 && reached(0.5).values.allSatisfy { (60...140).contains($0) })
    #expect(reached(0)[[0, 1, 2, 3], default: 0] > 140)
  }
}
