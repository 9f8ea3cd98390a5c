// Priors without a promptable network: the truth with noise, prototypes and an atlas; and damage to labels.

import Methods
import Preparation
import Tensors
import Testing
import Volumes

@Suite struct PriorTests {
  let label = PriorFixture.label(PriorFixture.whole)
  var student: Tensor { PriorFixture.student(label, PriorFixture.volume) }

  func found(_ answer: PriorAnswer, _ k: Int) -> [Bool] {
    let values = answer.logits.values
    return stride(from: k - 1, to: values.count, by: 2).map { values[$0] > 0 }
  }

  @Test func theOracleAnswersATurnedCropWithItsLabel() throws {
    let truth = label, oracle = OraclePrior(noise: 0, classes: 3, seed: 1) { $0 == "volume" ? truth : nil }
    let place = PriorFixture.turned, expected = PriorFixture.label(place)
    let answer = try #require(try oracle.answer(for: PriorFixture.sample(place), student: student(place), at: PriorFixture.step))
    for k in 1...2 {
      let isTrue = found(answer, k) == expected.map { $0 == UInt8(k) }
      #expect(isTrue)
    }
    let stranger = Sample(identifier: "other", draw: 0, label: nil, place: place)
    #expect(try oracle.answer(for: stranger, student: student, at: PriorFixture.step) == nil)
  }

  func student(_ place: CropPlace) -> Tensor { PriorFixture.student(PriorFixture.label(place), place.crop) }

  @Test func beyondTheVolumeTheOracleSeesBackground() throws {
    let all = [UInt8](repeating: 1, count: PriorFixture.volume.count)
    let oracle = OraclePrior(noise: 0, classes: 3, seed: 1) { _ in all }
    let place = CropPlace(
      volume: PriorFixture.volume, spacing: Spacing(1, 1, 1), crop: Extent(2, 2, 4), origin: [0, 0, 20])
    let answer = try #require(
      try oracle.answer(
        for: PriorFixture.sample(place), student: PriorFixture.student([UInt8](repeating: 0, count: 16), place.crop),
        at: PriorFixture.step))
    #expect(found(answer, 1) == (0..<16).map { $0 % 4 < 2 })
  }

  @Test func noiseIsTheSameEachTimeAndGrowsWithItsAmount() throws {
    let truth = label
    func dice(_ noise: Double, seed: UInt64 = 1) throws -> (Double, [Bool]) {
      let oracle = OraclePrior(noise: noise, classes: 3, seed: seed) { _ in truth }
      let answer = try #require(try oracle.answer(for: PriorFixture.sample(), student: student, at: PriorFixture.step))
      return (PriorFixture.dice(found(answer, 1), truth.map { $0 == 1 }), found(answer, 1))
    }
    let (none, little, much) = (try dice(0), try dice(0.1), try dice(0.4))
    #expect(none.0 == 1 && little.0 < 1 && little.0 > 0.5 && much.0 < little.0)
    let repeats = try dice(0.1).1 == little.1
    #expect(repeats)
  }

  @Test func labelsGrowShrinkAndMove() {
    var label = [UInt8](repeating: 0, count: 7 * 7 * 7)
    func index(_ d: Int, _ h: Int, _ w: Int) -> Int { (d * 7 + h) * 7 + w }
    label[index(3, 3, 3)] = 1
    label[index(3, 3, 5)] = 2
    var grown = LabelNoise(label, sides: [7, 7, 7])
    grown.grow(1, by: 1)
    #expect(grown.label.count { $0 == 1 } == 7 && grown.label[index(3, 3, 4)] == 1 && grown.label[index(3, 3, 5)] == 2)
    grown.grow(1, by: 1)
    #expect(grown.label[index(3, 3, 5)] == 2, "a class grows into the background only")
    grown.grow(1, by: -1)
    #expect(grown.label[index(3, 3, 3)] == 1 && grown.label[index(1, 3, 3)] == 0)
    var moved = LabelNoise(label, sides: [7, 7, 7])
    moved.shift(by: [1, -2, 2])
    #expect(moved.label[index(4, 1, 5)] == 1 && moved.label.count { $0 != 0 } == 1)
  }

  @Test func prototypesFindTokensThatLookAlike() throws {
    let (place, label, source) = PriorFixture.slabs()
    let prior = PrototypePrior(source: source, tokenChannels: 48)
    prior.prototypes = try Prototypes([PriorFixture.sample(place, label: label)], classes: 3, from: source)
    let answer = try #require(
      try prior.answer(for: PriorFixture.sample(place), student: Tensor(zeros: [1, 32, 32, 32, 3]), at: PriorFixture.step))
    #expect(answer.isPresent == [true, true])
    for k in 1...2 { #expect(PriorFixture.dice(found(answer, k), label.map { $0 == UInt8(k) }) > 0.8) }
  }

  @Test func anAtlasOfOneVolumeIsItsLabel() throws {
    let source = PriorFixture.Source(), prior = AtlasPrior()
    prior.atlas = try Atlas([PriorFixture.sample(label: label)], classes: 3) { _ in source.window }
    let place = PriorFixture.turned, expected = PriorFixture.label(place)
    let answer = try #require(try prior.answer(for: PriorFixture.sample(place), student: student(place), at: PriorFixture.step))
    for k in 1...2 { #expect(PriorFixture.dice(found(answer, k), expected.map { $0 == UInt8(k) }) > 0.9) }
    // Where most volumes have nothing the atlas is silent.
    let others = (0..<2).map { _ in PriorFixture.sample(label: [UInt8](repeating: 0, count: label.count)) }
    prior.atlas = try Atlas([PriorFixture.sample(label: label)] + others, classes: 3) { _ in source.window }
    #expect(try prior.answer(for: PriorFixture.sample(place), student: student(place), at: PriorFixture.step) == nil)
  }
}
