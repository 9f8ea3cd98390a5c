// Cross pseudo supervision against the published program (HiLab-git/SSL4MIS, code/train_cross_pseudo_supervision_3D.py): terms, weight and the
// gradients of both networks; and what it says about a pair that agrees on nothing, or on everything.

import Foundation
import Learning
import Methods
import Networks
import Preparation
import Settings
import TestSupport
import Tensors
import Testing

@Suite struct CrossSupervisionTests {
  private let file: GoldenFile

  init() throws { file = try GoldenFile(golden("cps_ict.safetensors")) }

  private static let cases = ["cps2", "cps4"]

  @Test(arguments: cases) func aStepIsTheOriginals(name: String) throws {
    let tape = Tape(), known = try file.labels("\(name).labels")
    let logits = try [1, 2].map { number in
      try file.samples("\(name).logits\(number)").map { tape.variable(Tensor($0.values, shape: Shape($0.shape))) }
    }
    let samples = logits[0].indices.map { number in
      Sample(identifier: "\(number)", draw: UInt64(number), label: number < known.count ? known[number] : nil)
    }
    let predictions = logits.map { logits in
      zip(samples, logits).map { Prediction(sample: $0, logits: $1, probabilities: tape.softmax($1)) }
    }
    let batch = Batch(labelled: Array(samples[..<known.count]), unlabelled: Array(samples[known.count...]))
    let step = Step(index: Int(try file.number("\(name).iteration")), total: 30_000, seed: 1)
    let weight = ConsistencyWeight(ramp: (epochSteps: 150, epochs: 200)).at(step)
    try file.expect(weight, "\(name).consistency_weight")
    let terms = try crossTerms(batch, weight: weight) { number in
      let (labelled, unlabelled) = (predictions[number][..<known.count], predictions[number][known.count...])
      return crossStudent(
        labelled: Array(labelled), unlabelled: Array(unlabelled), .crossEntropy, weight: weight, at: step, on: tape)
    }
    try file.expect(terms.total, "\(name).loss")
    let half = terms.terms.count / 2
    for (number, part) in [terms.terms[..<half], terms.terms[half...]].enumerated() {
      let own = LossTerms(Array(part)), cross = own.byName.first { $0.name == "cross" }!.group
      try file.expect(own.total, "\(name).model\(number + 1)_loss")
      try file.expect(cross.value, "\(name).pseudo_supervision\(number + 1)")
      try file.expect(own.total - weight * cross.value, "\(name).loss\(number + 1)")
    }
    tape.backward(from: terms.terms.map { ($0.scalar, weight: $0.weight) })
    for number in [0, 1] {
      for (logits, expected) in zip(logits[number], try file.samples("\(name).gradient\(number + 1)")) {
        #expect(relativeNorm(try #require(tape.gradient(of: logits)).values, expected.values) < 2e-5)
      }
    }
    for (number, network) in predictions.enumerated() {
      let own = network[known.count...].map { argmaxLabels($0.logits.values, classes: $0.logits.shape.channels) }
      #expect(own == (try file.labels("\(name).pseudo_labels\(number + 1)")))
    }
  }

  @Test func agreementIsDiceOfEqualForeground() {
    let same = LabelAgreement([0, 1, 2, 2], [0, 1, 1, 2]), empty = LabelAgreement([0, 0], [0, 0])
    #expect(abs(same.dice - 2.0 / 3) < 1e-12 && same.foreground == 0.75)
    #expect(empty.dice == 1 && empty.foreground == 0)
    // Voxels without a class count on neither side.
    #expect(LabelAgreement([1, 1, 0, 0], [1, 255, 255, 0]).dice == 1)
    let numbers = agreementDiagnostics([("T1", same), (nil, empty)], groups: ["T1", "T2"])
    #expect(numbers.map(\.name) == ["agreement", "foreground", "agreement.T1", "foreground.T1", "agreement.T2", "foreground.T2"])
    #expect(abs(numbers[0].value - 5.0 / 6) < 1e-12 && numbers[3].value == 0.75 && numbers[4].value.isNaN)
  }

  @Test func twinsAreRefused() throws {
    let method = try makeMethod("cps", MethodTests().plan("cps")), batch = MethodTests().batch(method.recipe)
    let step = Step(index: 2, total: 10, seed: 7)
    _ = try method.loss(batch, at: step, on: Tape(recording: false))
    method.trained[1].parameters.load(method.trained[0].parameters.values.values)
    #expect { try method.loss(batch, at: step, on: Tape(recording: false)) } throws: { "\($0)".contains("same weights") }
    #expect { try makeMethod("cross-teaching", MethodTests().plan("cross-teaching", ["secondNetwork": "unet3d"])) } throws: {
      "\($0)".contains("two kinds")
    }
  }
}

@Suite struct DeepCrossSupervisionTests {
  /// Of one head, the terms are nnU-Net's Dice and cross entropy and λ times the cross entropy against the other's labels.
  @Test func everyHeadLearnsFromTheOthersLabels() throws {
    let plan = try MethodTests().plan("cps", ["deepSupervision": "true"], isHeaded: true)
    let method = try makeMethod("cps", plan), batch = MethodTests().batch(method.recipe), tape = Tape()
    let terms = try method.loss(batch, at: Step(index: 9, total: 10, seed: 7), on: tape)
    // Two of three heads count, in each of two networks.
    let cross = terms.terms.filter { $0.name == "cross" }
    #expect(
      cross.count == 4 && terms.terms.count { $0.name == "dice" } == 4 && terms.terms.count { $0.name == "crossEntropy" } == 4)
    let weights = cross.map(\.weight)
    #expect(abs(weights[0] / weights[1] - 2) < 1e-9 && weights[0] == weights[2])
    let lambda = terms.diagnostics.first { $0.name == "consistencyWeight" }!.value
    #expect(abs(weights[0] + weights[1] - lambda) < 1e-12)
    tape.backward(from: cross.map { ($0.scalar, weight: $0.weight) })
    for module in method.trained { #expect(module.parameters.gradientNorm > 0, "\(module.name)") }
    // A change of one network changes what the other is taught.
    let before = cross[0].scalar.value
    for parameter in method.trained[1].parameters.parameters where parameter.name.hasPrefix("decoder.seg_layers.") {
      for index in 0..<parameter.shape.count { parameter.value.pointer[index] *= -1 }
    }
    let after = try method.loss(batch, at: Step(index: 9, total: 10, seed: 7), on: Tape(recording: false)).terms
    #expect(after.first { $0.name == "cross" }!.scalar.value != before)
  }
}
