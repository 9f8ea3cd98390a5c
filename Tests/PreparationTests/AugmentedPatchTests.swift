// What nnU-Net derives from a patch size, and where its patches begin, against the published program.

import Foundation
import Preparation
import TestSupport
import Testing
import Volumes

@Suite struct AugmentedPatchTests {
  private struct Topology: Decodable {
    let patch, enlarged_patch: [Int]
    let rotation_radians: [Double]
    let dummy_2d: Bool
  }
  private struct Place: Decodable {
    let shape, enlarged_patch, patch, voxel_zyx, forced_start: [Int]
    let start_limits_inclusive: [[Int]]
  }

  private func texts() throws -> [String: String] {
    let learning = #filePath.replacing("PreparationTests", with: "LearningTests")
    return try loadSafetensorsTexts(golden("nnunet_training.safetensors", beside: learning))
  }
  private func decoded<Value: Decodable>(_ text: String?, _ type: Value.Type) throws -> Value {
    try JSONDecoder().decode(type, from: Data(try #require(text).utf8))
  }

  /// Planes have a depth of one voxel here.
  private func extent(_ sides: [Int]) -> Extent {
    let sides = sides.count == 2 ? [1] + sides : sides
    return Extent(sides[0], sides[1], sides[2])
  }

  @Test func anglesAndEnlargedPatchesAreNNUNets() throws {
    let all = try texts().filter { $0.key.hasPrefix("supervision.") }
    #expect(all.count >= 4)
    for (name, text) in all {
      let expected = try decoded(text, Topology.self), found = AugmentedPatch(extent(expected.patch))
      #expect(found.enlarged == extent(expected.enlarged_patch), "\(name)")
      #expect(abs(found.largestAngle - expected.rotation_radians[1]) < 1e-12, "\(name)")
      #expect(found.turnsInPlane == (expected.dummy_2d || expected.patch.count == 2), "\(name)")
    }
    for (patch, enlarged) in [
      (Extent(96, 96, 96), Extent(154, 154, 154)), (Extent(80, 192, 160), Extent(194, 289, 210)),
      (Extent(64, 128, 128), Extent(140, 205, 168)),
    ] { #expect(AugmentedPatch(patch).enlarged == enlarged) }
  }

  @Test func patchesBeginWhereNNUNetsDo() throws {
    let places = try decoded(texts()["patch_starts"], [Place].self)
    #expect(places.count >= 4)
    for place in places {
      let patch = AugmentedPatch(extent(place.patch), enlarged: extent(place.enlarged_patch)), volume = extent(place.shape)
      #expect(patch.starts(in: volume).map { [$0.lowerBound, $0.upperBound] } == place.start_limits_inclusive)
      #expect(patch.start(around: place.voxel_zyx, in: volume) == place.forced_start)
    }
  }

  @Test func theLastOfABatchAreForced() throws {
    let batches = try decoded(texts()["forced_foreground"], [String: [Bool]].self)
    #expect(batches.count >= 7)
    for (size, expected) in batches {
      let count = try #require(Int(size))
      #expect((0..<count).map { PatchPlacement.forcesForeground($0, of: count, share: 0.33) } == expected, "batch of \(size)")
    }
  }
}
