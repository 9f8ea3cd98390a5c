// SAM-Med3D as a prior: what it is prompted with, when it is silent, and that crops may be turned.

import Methods
import Networks
import Preparation
import Tensors
import Testing
import Volumes

@Suite struct SAMPriorTests {
  func prior(_ prompt: PromptSource = .studentMask, _ source: any EmbeddingSource = PriorFixture.Source()) -> SAMPrior {
    SAMPrior(PriorFixture.network(), title: "tiny", source: source, prompt: prompt, seed: 9)
  }

  let label = PriorFixture.label(PriorFixture.whole)
  var student: Tensor { PriorFixture.student(label, PriorFixture.volume) }

  @Test func theStudentPromptsWhereThereIsNoLabel() throws {
    let prior = prior(), other = PriorFixture.student(label.map { 2 - $0 }, PriorFixture.volume)
    let answers = try [student, other].map {
      try #require(try prior.answer(for: PriorFixture.sample(), student: $0, at: PriorFixture.step))
    }
    #expect(answers[0].logits.shape == [1, 20, 24, 22, 2] && answers[0].isPresent == [true, true])
    #expect(answers[0].logits.values.allSatisfy(\.isFinite) && answers[0].uncertainty == nil)
    let differ = answers[0].logits.values != answers[1].logits.values
    #expect(differ)
    let labelled = try [student, other].map {
      try #require(try prior.answer(for: PriorFixture.sample(label: label), student: $0, at: PriorFixture.step))
    }
    let same = labelled[0].logits.values == labelled[1].logits.values
    #expect(same, "a labelled sample is prompted by its label alone")
  }

  @Test func aTurnedCropGetsTheTurnedAnswer() throws {
    let place = PriorFixture.turned, prior = prior()
    let straight = try #require(try prior.answer(for: PriorFixture.sample(), student: student, at: PriorFixture.step))
    let turned = try #require(
      try prior.answer(
        for: PriorFixture.sample(place), student: PriorFixture.student(PriorFixture.label(place), place.crop),
        at: PriorFixture.step))
    var largest: Float = 0
    let (a, b) = (straight.logits.values, turned.logits.values)
    for d in 0..<place.crop.depth {
      for h in 0..<place.crop.height {
        for w in 0..<place.crop.width {
          let at = place.position(d, h, w), from = PriorFixture.volume.index(at[0], at[1], at[2])
          for k in 0..<2 { largest = max(largest, abs(b[place.crop.index(d, h, w) * 2 + k] - a[from * 2 + k])) }
        }
      }
    }
    #expect(largest < 1e-3)
  }

  @Test func classesThatFillTooLittleOrTooMuchAreNotPrompted() throws {
    let prior = prior(), count = PriorFixture.volume.count
    func present(_ label: [UInt8]) throws -> [Bool]? {
      try prior.answer(
        for: PriorFixture.sample(), student: PriorFixture.student(label, PriorFixture.volume), at: PriorFixture.step)?.isPresent
    }
    func first(_ voxels: Int) -> [UInt8] { (0..<count).map { $0 < voxels ? 1 : 0 } }
    #expect(try present(first(49)) == nil)
    #expect(try present(first(50)) == [true, false])
    #expect(try present(first(count * 9 / 10)) == [true, false])
    #expect(try present(first(count * 9 / 10 + 2)) == nil)
    #expect(
      try prior.answer(for: PriorFixture.sample(nil), student: student, at: PriorFixture.step) == nil, "no place, no answer")
  }

  @Test func aClassIsAnsweredAloneAsAmongOthers() throws {
    let alone = label.map { $0 == 1 ? $0 : 0 }, prior = prior()
    let one = try #require(
      try prior.answer(for: PriorFixture.sample(label: alone), student: student, at: PriorFixture.step))
    let both = try #require(
      try prior.answer(for: PriorFixture.sample(label: label), student: student, at: PriorFixture.step))
    #expect(one.isPresent == [true, false] && both.isPresent == [true, true])
    let first = { (answer: PriorAnswer) in stride(from: 0, to: answer.logits.count, by: 2).map { answer.logits.values[$0] } }
    let same = first(one) == first(both)
    #expect(same)
  }

  @Test(arguments: PromptSource.allCases) func everyPromptGivesTheSameAnswerEachTime(prompt: PromptSource) throws {
    let (place, label, source) = PriorFixture.slabs()
    let prior = prior(prompt, source), whole = [PriorFixture.sample(place, label: label)]
    prior.prototypes = try Prototypes(whole, classes: PriorFixture.classes, from: source)
    prior.atlas = try Atlas(whole, classes: PriorFixture.classes) { _ in source.window }
    let image = PriorFixture.noise([1, 32, 32, 32, 1], key: 8), student = PriorFixture.student(label, place.crop)
    let answers = try (0..<2).map { _ in
      try #require(try prior.answer(for: PriorFixture.sample(place, clean: image), student: student, at: PriorFixture.step))
    }
    let same = answers[0].logits.values == answers[1].logits.values
    #expect(same && answers[0].logits.values.allSatisfy(\.isFinite))
    #expect((answers[0].uncertainty != nil) == (prompt == .studentClicksUnc))
    if let uncertainty = answers[0].uncertainty {
      #expect(uncertainty.shape == answers[0].logits.shape && uncertainty.values.allSatisfy { $0 >= 0 })
      #expect(uncertainty.values.contains { $0 > 0 })
    }
  }

  @Test func clicksAreAFunctionOfTheDraw() throws {
    let prior = prior(.studentClicks)
    let answers = try [4, 4, 5].map { draw in
      try #require(try prior.answer(for: PriorFixture.sample(draw: draw), student: student, at: PriorFixture.step)).logits.values
    }
    let (same, differ) = (answers[0] == answers[1], answers[0] != answers[2])
    #expect(same && differ)
  }

  // MARK: Frame crop

  @Test func theCropItselfMustFillTheImage() {
    #expect(throws: MethodError.self) {
      try CropEmbedding(PriorFixture.network(), patch: [32, 32, 16], noise: 0, seed: 1)
    }
  }

  @Test func theCropIsEncodedWithItsNoiseInTheOrderOfTheArray() throws {
    let network = PriorFixture.network(), image = PriorFixture.noise([1, 32, 32, 32, 1], key: 2)
    func embedding(_ noise: Double, draw: UInt64 = 4) throws -> [Float] {
      let source = try CropEmbedding(network, patch: [32, 32, 32], noise: noise, seed: 1)
      return try source.embedding(for: PriorFixture.sample(nil, clean: image, draw: draw))[0].embedding.values
    }
    let clean = try embedding(0), direct = network.embedding(image, on: Tape(recording: false)).values
    let isDirect = clean == direct
    #expect(isDirect)
    let (noisy, again, other) = (try embedding(0.1), try embedding(0.1), try embedding(0.1, draw: 5))
    let (repeats, differs) = (noisy == again, noisy != clean && noisy != other)
    #expect(repeats && differs)
  }

  @Test func tokensCoincideWithTheEmbeddingInTheCropFrame() throws {
    let network = PriorFixture.network(), image = PriorFixture.noise([1, 32, 32, 32, 1], key: 2)
    let source = try CropEmbedding(network, patch: [32, 32, 32], noise: 0, seed: 1),
      sample = PriorFixture.sample(nil, clean: image)
    let prior = prior(.studentMask, source)
    #expect(prior.tokenChannels == 48)
    let tokens = try #require(try prior.tokens(for: sample, grid: [4, 4, 4]))
    #expect(tokens.shape == [1, 64, 48])
    let embedding = try source.embedding(for: sample)[0].embedding.values, found = tokens.values
    for channel in [0, 17, 47] {
      let column = stride(from: channel, to: embedding.count, by: 48).map { embedding[$0] }
      let mean = column.reduce(0, +) / 64
      for token in [0, 5, 63] { #expect(abs(found[token * 48 + channel] - (column[token] - mean)) < 1e-4) }
    }
  }
}

@Suite struct ClickRoundTests {
  /// A network that believes each click within a radius, and nothing else.
  final class Believer {
    private(set) var points: [PointPrompt] = []
    let radius: Double

    init(radius: Double) { self.radius = radius }

    /// 8 cells along each axis of an image of 32 voxels.
    func decode(_ mask: [Float], _ new: [PointPrompt]) -> [Float] {
      points += new
      return mask.indices.map { cell in
        let place = SIMD3(Double(cell / 64), Double(cell / 8 % 8), Double(cell % 8)) * 4 + 1.5
        var logit = mask[cell]
        for point in new {
          let offset = place - point.voxel
          if (offset * offset).sum() < radius * radius { logit = point.isPositive ? 4 : -4 }
        }
        return logit
      }
    }
  }

  func request(_ believer: Believer, _ isTarget: @escaping ([Int]) -> Bool) -> PromptRequest {
    func cells(_ side: Int) -> PooledCrop {
      let values = (0..<side * side * side).map { cell -> Float in
        isTarget([cell / (side * side), cell / side % side, cell % side].map { $0 * 16 / side }) ? 1 : 0
      }
      return PooledCrop(grid: side, channels: 1, values: values, isKnown: values.map { _ in true })
    }
    return PromptRequest(
      imageSize: 32, grid: 8, probability: cells(8).values, isKnown: cells(8).isKnown, clip: 8, target: { cells(16) },
      intensity: { cells(8) }, key: RandomKey(6), decode: believer.decode)
  }

  @Test func clicksGoWhereTheAnswerIsWrong() {
    let believer = Believer(radius: 7)
    let isTarget = { (cell: [Int]) in cell.allSatisfy { (3..<10).contains($0) } }
    let rounds = PromptSource.studentClicks.rounds(request(believer, isTarget))
    #expect(rounds.count == 10 && believer.points.count == 10)
    #expect(believer.points[0].isPositive)
    for point in believer.points {
      // The middle of a cell of two voxels lies between them.
      let cell = (0..<3).map { Int(point.voxel[$0] / 2) }
      #expect((0..<3).allSatisfy { point.voxel[$0] == Double(2 * cell[$0]) + 0.5 })
      #expect(point.isPositive == isTarget(cell))
    }
    #expect(believer.points.contains { !$0.isPositive }, "what was invented is clicked away")
  }

  @Test func aRightAnswerEndsTheRounds() {
    let believer = Believer(radius: 100)
    let rounds = PromptSource.studentClicks.rounds(request(believer) { _ in true })
    #expect(rounds.count == 1 && believer.points.count == 1)
  }

  @Test func unknownCellsOfAMaskAreZeroAndOthersAreClipped() {
    var seen: [Float] = []
    let request = PromptRequest(
      imageSize: 32, grid: 1, probability: [1, 0, 0.5, 0.9, 0.9], isKnown: [true, true, true, true, false], clip: 8,
      target: { fatalError("no click is made") }, intensity: { fatalError("no image is read") }, key: RandomKey(1),
      decode: { mask, points in
        seen = mask
        return points.isEmpty ? mask : []
      })
    _ = PromptSource.studentMask.rounds(request)
    #expect(seen[0] == 8 && seen[1] == -8 && seen[2] == 0 && abs(seen[3] - 2.1972246) < 1e-5 && seen[4] == 0)
  }

  @Test func theBrightestClickLiesInTheLargestBrightPart() throws {
    // 1 % of 8³ cells are 5: a row of four bright cells and a single brighter one elsewhere.
    var values = (0..<512).map { Float($0 % 7) * 0.01 }
    for cell in [100, 101, 102, 103] { values[cell] = 4 }
    values[400] = 9
    let crop = PooledCrop(grid: 8, channels: 1, values: values, isKnown: values.map { _ in true })
    let cell = try #require(brightestCell(crop))
    #expect(cell == [1, 4, 5], "the middle of cells 100 to 103")
    let unknown = PooledCrop(grid: 8, channels: 1, values: values, isKnown: values.map { _ in false })
    #expect(brightestCell(unknown) == nil)
  }
}
