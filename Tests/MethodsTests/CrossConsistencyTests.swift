// CCT against the published program (HiLab-git/SSL4MIS): terms and the gradients of four decoders, and the disturbed features; and networks in one piece.

import Learning
import Methods
import Preparation
import TestSupport
import Tensors
import Testing

@Suite struct CrossConsistencyTests {
  private let file: GoldenFile

  init() throws { file = try GoldenFile(golden("cct.safetensors")) }

  @Test(arguments: ["two", "four"]) func aStepIsTheOriginals(name: String) throws {
    let tape = Tape(), known = try file.labels("\(name).labels")
    let logits = try (0..<4).map { head in
      try file.samples("\(name).logits\(head)").map { tape.variable(Tensor($0.values, shape: Shape($0.shape))) }
    }
    let predictions = logits[0].indices.map { number in
      logits.map { head in
        Prediction(
          sample: Sample(identifier: "\(number)", draw: 0, label: nil), logits: head[number],
          probabilities: tape.softmax(head[number]))
      }
    }
    let step = Step(index: Int(try file.number("\(name).iteration")), total: 30_000, seed: 1)
    let weight = ConsistencyWeight(ramp: (epochSteps: 150, epochs: 200)).at(step)
    try file.expect(weight, "\(name).consistency_weight")
    let supervised = supervisedHeads(Array(predictions[..<known.count]), labels: known, at: step, on: tape)
    try file.expect(LossTerms(supervised).total, "\(name).supervised_loss")
    let agreement = decoderTerms(Array(predictions[known.count...]), weight: weight, on: tape)
    for (number, term) in agreement.enumerated() {
      try file.expect(term.scalar.value, "\(name).consistency_loss_aux\(number + 1)")
    }
    let terms = supervised + agreement
    try file.expect(LossTerms(terms).total, "\(name).loss")
    tape.backward(from: terms.map { ($0.scalar, weight: $0.weight) })
    for head in 0..<4 {
      for (logits, expected) in zip(logits[head], try file.samples("\(name).gradient\(head)")) {
        #expect(relativeNorm(try #require(tape.gradient(of: logits)).values, expected.values) < 2e-5, "decoder \(head)")
      }
    }
  }

  @Test func featuresAreDisturbedAsTheOriginals() throws {
    let tape = Tape(recording: false)
    func tensor(_ name: String) throws -> Tensor {
      let samples = try file.samples(name), shape = samples[0].shape
      return Tensor(samples.flatMap(\.values), shape: Shape([samples.count] + shape[1...]))
    }
    let x = try tensor("perturb.input"), share = try #require(file.tensors["perturb.feature_drop_draw"]).floats[0]
    let kept = tape.withoutStrongest(x, share: share), expected = try tensor("perturb.feature_drop_output")
    #expect(kept.values == expected.values && kept.values.contains { $0 == 0 })
    // One draw for each channel and voxel, the same for every sample.
    let draw = try #require(file.tensors["perturb.noise_draw"]), voxels = draw.shape[1] * draw.shape[2]
    let factors = (0..<draw.floats.count).map { 1 + draw.floats[$0 % draw.shape[0] * voxels + $0 / draw.shape[0]] }
    let noisy = tape.product(x, Tensor(factors, shape: Shape([1, 1, draw.shape[1], draw.shape[2], draw.shape[0]])))
    #expect(relativeNorm(noisy.values, try tensor("perturb.noise_output").values) < 1e-6)
  }

  @Test func networksInOnePieceAreRefused() throws {
    #expect { try makeMethod("cct", MethodTests().plan("cct", isHeaded: true)) } throws: { "\($0)".contains("unet3d or vnet") }
  }
}
