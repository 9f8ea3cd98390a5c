// DTC against the published program (HiLab-git/DTC): targets, terms and the gradients of both heads; and data with more than one structure.

import Learning
import Methods
import Preparation
import TestSupport
import Tensors
import Testing

@Suite struct DualTaskTests {
  private let file: GoldenFile

  init() throws { file = try GoldenFile(golden("dtc.safetensors")) }

  @Test func distancesAreTheOriginals() throws {
    let labels = try file.labels("distance.labels"), targets = try #require(file.tensors["distance.target"])
    let found = labels.map { signedDistanceMap($0, size: Array(targets.shape[1...])).values }
    #expect(found.contains { !$0.contains { $0 != 0 } }, "an empty crop is among them")
    #expect(zip(found.joined(), targets.floats).allSatisfy { abs($0 - $1) < 2e-6 })
  }

  /// A crop that is all structure has no surface.
  @Test func aFullCropHasNoDistances() {
    #expect(signedDistanceMap([UInt8](repeating: 1, count: 60), size: [3, 4, 5]).values.allSatisfy { $0 == 0 })
  }

  @Test(arguments: [("smooth", 2e-4), ("sharp", 2e-5)]) func aStepIsTheOriginals(name: String, tolerance: Double) throws {
    let tape = Tape(), labels = try file.labels("\(name).labels")
    func tensors(_ array: String) throws -> [Tensor] {
      try file.samples("\(name).\(array)").map { tape.variable(Tensor($0.values, shape: Shape($0.shape))) }
    }
    // The original's one logit is the difference of ours.
    let logits = try tensors("segmentation_logits"), distances = try tensors("distance_output")
    let both = logits.map { one in
      tape.record(
        "0 and logit", inputs: [one],
        output: Tensor(one.values.flatMap { [0, $0] }, shape: Shape(one.shape.sizes.dropLast() + [2]))
      ) { d in
        tape.accumulate(Tensor(stride(from: 1, to: d.count, by: 2).map { d.values[$0] }, shape: one.shape), for: one)
      }
    }
    let predictions = both.enumerated().map { number, logits in
      Prediction(
        sample: Sample(identifier: "\(number)", draw: 0, label: nil), logits: logits, probabilities: tape.softmax(logits))
    }
    let step = Step(index: Int(try file.number("\(name).iteration")), total: 6000, seed: 1)
    let weight = ConsistencyWeight(highest: 1, ramp: (epochSteps: 150, epochs: 40)).at(step)
    try file.expect(weight, "\(name).consistency_weight")
    let terms = dualTaskTerms(predictions, distances: distances, labels: labels, weight: weight, on: tape)
    try file.expect(terms[0].scalar.value, "\(name).loss_seg_dice")
    try file.expect(terms[1].scalar.value, "\(name).loss_sdf")
    try file.expect(terms[2].scalar.value, "\(name).consistency_loss", within: tolerance)
    try file.expect(LossTerms(terms).total, "\(name).loss", within: tolerance)
    tape.backward(from: terms.map { ($0.scalar, weight: $0.weight) })
    for (values, array) in [(logits, "gradient_segmentation"), (distances, "gradient_distance")] {
      for (value, expected) in zip(values, try file.samples("\(name).\(array)")) {
        #expect(relativeNorm(try #require(tape.gradient(of: value)).values, expected.values) < tolerance, "\(array)")
      }
    }
  }

  @Test func severalStructuresAreRefused() throws {
    #expect { try makeMethod("dtc", MethodTests().plan("dtc", classes: 3)) } throws: { "\($0)".contains("the data have 2") }
  }
}
