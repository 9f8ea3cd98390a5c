// Clicks: inside the error, on the right side, deep where the rule wants it, the same from the same key.

import Preparation
import Tensors
import Testing

@Suite struct ClickRuleTests {
  static let side = 16

  /// A cube of voxels lower..<upper along all axes.
  static func block(_ range: Range<Int>) -> [Bool] {
    (0..<side * side * side).map { index in
      [index / (side * side), index / side % side, index % side].allSatisfy(range.contains)
    }
  }

  @Test func theDistanceRuleGoesDeepIntoTheLargerError() {
    let target = Self.block(2..<11), nothing = [Bool](repeating: false, count: target.count)
    var places: Set<[Int]> = []
    for draw in 0..<40 as Range<UInt64> {
      let click = ClickRule.distance.click(target: target, prediction: nothing, side: Self.side, key: RandomKey(draw))!
      #expect(click.isPositive)
      // The deepest voxel, the middle of 9, is 5 from the outside: candidates are more than 2.5 deep, which is 4..<9.
      #expect(click.voxel.allSatisfy { (4..<9).contains($0) })
      places.insert(click.voxel)
    }
    #expect(places.count > 20)
  }

  @Test func falsePositivesGiveNegativeClicks() {
    let target = Self.block(2..<5), prediction = Self.block(2..<12)
    for rule in [ClickRule.distance, .random] {
      let click = rule.click(target: target, prediction: prediction, side: Self.side, key: RandomKey(3))!
      #expect(!click.isPositive && !target[(click.voxel[0] * Self.side + click.voxel[1]) * Self.side + click.voxel[2]])
    }
  }

  @Test func theEdgeOfTheCubeIsAnEdge() {
    let all = [Bool](repeating: true, count: Self.side * Self.side * Self.side)
    let click = ClickRule.distance.click(target: all, prediction: all.map { !$0 }, side: Self.side, key: RandomKey(1))!
    #expect(click.voxel.allSatisfy { (4..<12).contains($0) })
  }

  @Test func rightPredictionsEndTheRoundsAndKeysRepeat() {
    let target = Self.block(3..<9)
    #expect(ClickRule.distance.click(target: target, prediction: target, side: Self.side, key: RandomKey(1)) == nil)
    let prediction = Self.block(5..<12)
    let clicks = (0..<2).map { _ in
      ClickRule.random.click(target: target, prediction: prediction, side: Self.side, key: RandomKey(8))
    }
    #expect(clicks[0] == clicks[1] && clicks[0] != nil)
  }
}
