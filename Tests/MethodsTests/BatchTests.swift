// Lanes of several samples: a stranger's method on noisy views, samples that batch normalisation sees together, and views by name.

import Learning
import Methods
import Networks
import Preparation
import Settings
import Tensors
import Testing

@Suite struct BatchTests {
  private static let shape: Shape = [1, 16, 16, 32, 1]
  private let step = Step(index: 2, total: 10, seed: 7)

  private func image(_ number: UInt64) -> Tensor {
    Tensor((0..<Self.shape.count).map { Float(RandomKey(number).gaussian(UInt64($0))) }, shape: Self.shape)
  }

  private func samples(_ count: UInt64, _ name: String, isLabelled: Bool) -> [Sample] {
    (0..<count).map { number in
      Sample(
        identifier: "\(name)\(number)", draw: number, views: [.clean: image(number)],
        label: isLabelled ? (0..<Self.shape.count).map { UInt8($0 / 900 % 3) } : nil)
    }
  }

  private func plan(_ network: String, options: [String: String] = [:]) throws -> MethodPlan {
    MethodPlan(
      networkName: network,
      network: NetworkPlan(inputChannels: 1, classes: 3, options: ["base": "2"].merging(options) { $1 }, seed: 1),
      options: try SettingValues([:], of: PiModel.options, source: "test"), patch: Self.shape.spatial)
  }

  /// The agreement moves the student, by both views: with one of them fixed the gradient is another one.
  @Test func aMethodFromOutsideTheCatalogueActs() throws {
    let method = try PiModel(try plan("unet3d"))
    let batch = Batch(labelled: samples(2, "l", isLabelled: true), unlabelled: samples(2, "u", isLabelled: false))
    let tape = Tape(), terms = try method.loss(batch, at: step, on: tape)
    #expect(terms.byName.map(\.name) == ["dice", "crossEntropy", "agreement"])
    tape.backward(from: terms.byName[2].group.terms.map { ($0.scalar, weight: $0.weight) })
    #expect(terms.byName[2].group.value > 0 && method.trained[0].parameters.gradientNorm > 0)
  }

  @Test func aTargetOnTheTapeGetsTheOppositeGradient() {
    let tape = Tape(), p = tape.variable(image(1)), q = tape.variable(image(2))
    tape.backward(from: [(tape.squaredDifference(p, to: q), weight: 1)])
    let (dp, dq) = (tape.gradient(of: p)!.values, tape.gradient(of: q)!.values)
    #expect(dq == dp.map { -$0 } && dp.contains { $0 != 0 })
    for index in [0, 77] {
      let expected = 2 * (p.values[index] - q.values[index]) / Float(p.count)
      #expect(abs(dp[index] - expected) < 1e-6 * abs(expected) + 1e-12)
    }
  }

  @Test func stackedSamplesComeApartAgainWithTheirGradients() {
    let tape = Tape(), parts = (1...3).map { tape.variable(image($0)) }
    let apart = tape.unstacked(tape.stacked(parts))
    for (part, copy) in zip(parts, apart) { #expect(part.values == copy.values) }
    tape.backward(from: [(tape.squaredDifference(apart[1], to: image(9)), weight: 1)])
    #expect(tape.gradient(of: parts[1])!.values.contains { $0 != 0 })
    for other in [parts[0], parts[2]] { #expect(tape.gradient(of: other)?.values.allSatisfy { $0 == 0 } ?? true) }
  }

  /// Instance normalisation sees each sample alone, so two at once are what each is alone, bit by bit; batch normalisation sees both.
  @Test(arguments: [("unet3d", [:], true), ("vnet", ["norm": "batch"], false)] as [(String, [String: String], Bool)])
  func stackedSamplesEqualSingleOnesUnlessBatchNormalised(network: String, options: [String: String], isAlike: Bool) throws {
    let network = try plan(network, options: options).makeNetwork(), two = samples(2, "u", isLabelled: false)
    func logits(_ samples: [Sample]) -> [[Float]] {
      network.predict(samples, .clean, at: step, on: Tape(recording: false)).map { $0.logits.values }
    }
    let together = logits(two), alone = two.map { logits([$0])[0] }
    #expect((together == alone) == isAlike)
  }

  @Test func batchDiceSumsOverTheSamples() {
    let tape = Tape(recording: false), labels = (0..<2 * Self.shape.count).map { UInt8($0 / 3000 % 2) }
    let p = tape.softmax(Tensor((0..<4 * Self.shape.count).map { Float($0 % 13) * 0.3 }, shape: [2, 16, 16, 32, 2]))
    let whole = tape.diceLoss(p, labels: labels, wholeBatch: true).value
    let flat = Tensor(p.values, shape: [1, 32, 16, 32, 2])
    #expect(whole == tape.diceLoss(flat, labels: labels).value)
  }

  // MARK: Views

  @Test func viewsDependOnTheSampleAndItsStepOnly() {
    let sample = samples(1, "u", isLabelled: false)[0], other = samples(2, "u", isLabelled: false)[1]
    for view in [View.biased, .noisy, .noisy(1), .strong] {
      let image = sample.image(view, at: step).values
      #expect(image == sample.image(view, at: step).values && image != sample.clean!.values, "\(view.name)")
      #expect(image != other.image(view, at: step).values && image.allSatisfy(\.isFinite), "\(view.name)")
    }
    let keys = [View.clean, .biased, .noisy, .noisy(1), .strong].map { sample.dropout($0, at: step).value }
    #expect(Set(keys).count == 5 && sample.image(.noisy, at: step).values != sample.image(.noisy(1), at: step).values)
    let changed = zip(sample.image(.noisy, at: step).values, sample.clean!.values).map { abs($0 - $1) }
    #expect(changed.allSatisfy { $0 <= 0.2001 } && changed.reduce(0, +) / Float(changed.count) > 0.05)
  }
}
