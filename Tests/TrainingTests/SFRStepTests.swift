// One step of SFR against the released program (ShumengLI/SFR): the terms of re-training with their weights and the gradient of the student's
// logits, and the loss of fine-tuning on canvases. Sizes are read from the golden file.

import Learning
import Methods
import Preparation
import Tensors
import TestSupport
import Testing
import Training

@Suite struct SFRStepTests {
  private static let path = golden("sfr_steps.safetensors")
  private let tensors: [String: GoldenTensor]
  private let texts: [String: String]

  init() throws { (tensors, texts) = (try loadSafetensors(Self.path), try loadSafetensorsTexts(Self.path)) }

  private func number(_ name: String) throws -> Double { try #require(texts[name].flatMap(Double.init), "\(name)") }

  /// Samples [B, K, x, y, z] of a golden array, one after the other as [1, x, y, z, K].
  private func channelsLast(_ name: String) throws -> [Tensor] {
    let stored = try #require(tensors[name]), shape = stored.shape, classes = shape[1], voxels = shape[2...].reduce(1, *)
    let sizes = shape.count == 5 ? Array(shape[2...]) : [1] + shape[2...]
    return (0..<shape[0]).map { b in
      Tensor(
        (0..<voxels * classes).map { stored.floats[(b * classes + $0 % classes) * voxels + $0 / classes] },
        shape: Shape([1] + sizes + [classes]))
    }
  }

  /// Labels of samples [B, ...].
  private func labels(_ name: String) throws -> [[UInt8]] {
    let stored = try #require(tensors[name]), count = stored.floats.count / stored.shape[0]
    return (0..<stored.shape[0]).map { b in stored.floats[b * count..<(b + 1) * count].map { UInt8($0) } }
  }

  private func expect(_ value: Double, _ name: String) throws {
    let expected = try number(name)
    #expect(abs(value / expected - 1) < 2e-5, "\(name): \(value) against \(expected)")
  }

  @Test(arguments: ["two", "five"]) func aStepOfReTrainingIsTheOriginals(name: String) throws {
    let tape = Tape(), logits = try channelsLast("\(name).student_logits").map { tape.variable($0) }
    let teacher = try channelsLast("\(name).teacher_logits").map { Tape(recording: false).softmax($0) }
    let known = try labels("\(name).labels"), pseudo = try labels("\(name).pseudo_labels")
    let step = Step(index: Int(try number("\(name).iteration")), total: 6000, seed: 1)
    let predictions = logits.enumerated().map { number, logits in
      Prediction(
        sample: Sample(identifier: "\(number)", draw: UInt64(number), label: number < known.count ? known[number] : nil),
        logits: logits, probabilities: tape.softmax(logits))
    }
    let agreement = TeacherAgreement(includesLabelled: true, ramp: (epochSteps: 150, epochs: 40))
    let supervised = SupervisedBlend.half.terms(Array(predictions[..<known.count]), labels: known, at: step, on: tape)
    let unsupervised = pseudoLabelTerms(
      Array(zip(predictions[known.count...], pseudo)), weight: 1, readsPrior: false, on: tape)
    let consistency = agreementTerms(
      Array(zip(predictions, teacher.map { AgreementTarget(probabilities: $0) })), weight: agreement.weight(at: step), on: tape)
    let terms = LossTerms(supervised + unsupervised + consistency)
    let groups = Dictionary(uniqueKeysWithValues: terms.byName.map { ($0.name, $0.group) })
    try expect(groups["dice"]!.value, "\(name).loss_dice_seg_l")
    try expect(groups["crossEntropy"]!.value, "\(name).loss_ce_seg_l")
    try expect(LossTerms(supervised).total, "\(name).loss_seg_l")
    try expect(groups["pseudoDice"]!.value, "\(name).loss_dice_seg_u")
    try expect(groups["pseudoCrossEntropy"]!.value, "\(name).loss_ce_seg_u")
    try expect(LossTerms(unsupervised).total, "\(name).loss_seg_u")
    try expect(groups["consistency"]!.value, "\(name).consistency_dist")
    try expect(groups["consistency"]!.weight, "\(name).consistency_weight")
    try expect(terms.total, "\(name).loss_seg")
    tape.backward(from: terms.terms.map { ($0.scalar, weight: $0.weight) })
    for (logits, expected) in zip(logits, try channelsLast("\(name).student_gradient")) {
      #expect(relativeNorm(try #require(tape.gradient(of: logits)).values, expected.values) < 2e-5)
    }
  }

  /// At the beginning, after a quarter and a half of the stage, and at its end.
  @Test(arguments: [
    (PseudoLabelSchedule.constant, [1.0, 1, 1, 1]), (.linearDecay, [1, 0.75, 0.5, 0]),
    (.rampUp, [0.006737947, 0.060054668, 0.286504797, 1]),
  ]) func theWeightOfPseudoLabelsFollowsItsSchedule(schedule: PseudoLabelSchedule, expected: [Double]) {
    for (index, share) in zip([0, 10, 20, 40], expected) {
      #expect(abs(schedule.share(at: Step(index: index, total: 40, seed: 1)) - share) < 1e-8, "step \(index) of 40")
    }
  }

  /// Gaps are left out of cross entropy and stay in the denominators of Dice.
  @Test func theLossOfFineTuningIsTheOriginals() throws {
    let tape = Tape(), logits = try channelsLast("finetune.logits").map { tape.variable($0) }
    let labels = try labels("finetune.canvas_labels")
    #expect(labels.joined().contains(255))
    let terms = stitchedLoss(logits, labels: labels, ignored: .counted, on: tape)
    let groups = Dictionary(uniqueKeysWithValues: terms.byName.map { ($0.name, $0.group) })
    try expect(groups["dice"]!.value, "finetune.loss_dice_sam")
    try expect(groups["crossEntropy"]!.value, "finetune.loss_ce_sam")
    try expect(terms.total, "finetune.loss_sam")
    tape.backward(from: terms.terms.map { ($0.scalar, weight: $0.weight) })
    for (logits, expected) in zip(logits, try channelsLast("finetune.gradient")) {
      #expect(relativeNorm(try #require(tape.gradient(of: logits)).values, expected.values) < 2e-5)
    }
    // Without the gaps it is another loss.
    let other = stitchedLoss(logits, labels: labels, ignored: .leftOut, on: Tape(recording: false))
    #expect(abs(other.total - terms.total) > 1e-3)
  }
}
