// Random scenes and prompts: functions of their keys, with the statistics that pretraining relies on; distances and clicks by hand.

import Foundation
import Preparation
import Tensors
import Testing
import Volumes

@Suite struct SceneTests {
  private let keys = (0..<24).map { RandomKey(5).child(UInt64($0)) }

  @Test func aSceneIsAFunctionOfItsKey() {
    let first = PromptableScene(keys[0], side: 32), again = PromptableScene(keys[0], side: 32)
    let isSame = first.image == again.image && first.labels == again.labels
    let differs = PromptableScene(keys[1], side: 32).image != first.image
    #expect(isSame && differs)
  }

  @Test func imagesAreStandardizedAndStructuresVisible() {
    var brightness: [Double] = [], sizes: [Int] = [], unseen = 0
    for key in keys {
      let scene = PromptableScene(key, side: 48)
      let isWhole = scene.image.count == 48 * 48 * 48 && scene.labels.count == scene.image.count
      #expect(isWhole && scene.image.allSatisfy(\.isFinite) && !scene.structures.isEmpty)
      // What was 0 before the shift is the darkest value; the mean over all else is 0 and the standard deviation 1.
      let darkest = scene.image.min()!, seen = scene.image.filter { $0 > darkest }
      unseen += seen.count < scene.image.count / 2 ? 1 : 0
      let mean = seen.reduce(0.0) { $0 + Double($1) } / Double(seen.count)
      let variance = seen.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(seen.count)
      #expect(abs(mean) < 1e-3 && abs(variance - 1) < 1e-2)
      for structure in scene.structures {
        let mask = scene.mask(of: structure), count = mask.count { $0 > 0 }
        #expect(count >= PromptableScene.leastVoxels)
        sizes.append(count)
        brightness.append(zip(scene.image, mask).reduce(0) { $0 + Double($1.0) * Double($1.1) } / Double(count))
      }
    }
    #expect(unseen > 3 && unseen < 21, "some scans are smaller than the window")
    #expect(sizes.min()! < 200 && sizes.max()! > 2000, "small and large structures")
    #expect(brightness.contains { $0 < -0.5 } && brightness.contains { $0 > 0.5 }, "dark and bright ones")
  }

  @Test func distancesOfABoxAreThoseByHand() {
    let extent = Extent(9, 9, 9)
    var mask = [UInt8](repeating: 0, count: extent.count)
    for d in 2..<7 { for h in 2..<7 { for w in 0..<5 { mask[extent.index(d, h, w)] = 1 } } }
    let distance = signedDistance(mask, extent: extent, limit: 3)
    #expect(distance[extent.index(4, 4, 2)] == 2.5, "three steps to the outside")
    #expect(distance[extent.index(4, 4, 0)] == 0.5, "background lies beyond the array")
    #expect(distance[extent.index(4, 4, 6)] == -1.5)
    #expect(abs(distance[extent.index(1, 1, 5)] + (Float(3).squareRoot() - 0.5)) < 1e-6, "across a corner")
    #expect(distance[extent.index(4, 4, 8)] == -3, "no further than the limit")
  }

  @Test func perturbedMasksAreWrongButRelated() {
    var scores: [Double] = []
    for key in keys {
      let scene = PromptableScene(key, side: 48), mask = scene.mask(of: scene.structures[0])
      let perturbed = PerturbedMask(of: mask, side: 48, key.child(9))
      let again = PerturbedMask(of: mask, side: 48, key.child(9)).probability == perturbed.probability
      #expect(again && perturbed.probability.allSatisfy { $0 >= 0 && $0 <= 1 })
      let predicted = perturbed.probability.map { $0 > 0.5 }
      let overlap = zip(predicted, mask).count { $0 && $1 > 0 }
      scores.append(2 * Double(overlap) / Double(predicted.count { $0 } + mask.count { $0 > 0 }))
    }
    let mean = scores.reduce(0, +) / Double(scores.count)
    #expect(mean > 0.45 && mean < 0.8, "\(mean)")
    #expect(scores.max()! > 0.8 && scores.min()! < 0.55, "late and early students")
  }

  @Test func promptsOfACropLeaveTheRestUnknown() {
    var values = [Float](repeating: 1, count: 16 * 16 * 16)
    let box = PromptBox(side: 16, keys[0])
    box.clear(&values, side: 16)
    let known = box.cells.map(\.count).reduce(1, *)
    #expect(values.count { $0 == 1 } == known && known < values.count)
    #expect(box.cells.allSatisfy { $0.count >= 6 && $0.lowerBound >= 0 && $0.upperBound <= 16 })
    #expect(box.refined(by: 2).cells.map(\.count) == box.cells.map { 2 * $0.count })
    #expect(averagePooled([1, 0, 0, 0, 0, 0, 0, 0], side: 2, factor: 2) == [0.125])
    #expect(clippedLogit(1, limit: 8) == 8 && clippedLogit(0, limit: 4) == -4 && clippedLogit(0.5, limit: 8) == 0)
  }

  @Test func clicksFallWhereTheErrorIsLargest() throws {
    let extent = Extent(16, 16, 16)
    var target = [UInt8](repeating: 0, count: extent.count), prediction = target
    for d in 4..<9 { for h in 4..<9 { for w in 4..<9 { target[extent.index(d, h, w)] = 1 } } }
    let first = try #require(SceneClick(target: target, prediction: nil, side: 16, keys[0]))
    #expect(first.isPositive && target[extent.index(first.voxel.x, first.voxel.y, first.voxel.z)] == 1)
    for d in 4..<9 { for h in 4..<9 { for w in 7..<16 { prediction[extent.index(d, h, w)] = 1 } } }
    let second = try #require(SceneClick(target: target, prediction: prediction, side: 16, keys[0]))
    #expect(!second.isPositive && second.voxel.z >= 9, "more is wrong than is missed")
    #expect(SceneClick(target: target, prediction: target, side: 16, keys[0]) == nil)
  }
}
