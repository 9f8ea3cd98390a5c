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
  private let golden: GoldenFile

  init() throws { golden = try GoldenFile(TestSupport.golden("sfr_steps.safetensors")) }

  private func channelsLast(_ name: String) throws -> [Tensor] {
    try golden.samples(name).map { Tensor($0.values, shape: Shape($0.shape)) }
  }

  @Test(arguments: ["two", "five"]) func aStepOfReTrainingIsTheOriginals(name: String) throws {
    let tape = Tape(), logits = try channelsLast("\(name).student_logits").map { tape.variable($0) }
    let teacher = try channelsLast("\(name).teacher_logits").map { Tape(recording: false).softmax($0) }
    let known = try golden.labels("\(name).labels"), pseudo = try golden.labels("\(name).pseudo_labels")
    let step = Step(index: Int(try golden.number("\(name).iteration")), total: 6000, seed: 1)
    let predictions = logits.enumerated().map { number, logits in
      Prediction(
        sample: Sample(identifier: "\(number)", draw: UInt64(number), label: number < known.count ? known[number] : nil),
        logits: logits, probabilities: tape.softmax(logits))
    }
    let agreement = TeacherAgreement(includesLabelled: true, weight: ConsistencyWeight(ramp: (epochSteps: 150, epochs: 40)))
    let supervised = SupervisedBlend.half.terms(Array(predictions[..<known.count]), labels: known, at: step, on: tape)
    let unsupervised = pseudoLabelTerms(
      Array(zip(predictions[known.count...], pseudo)), weight: 1, readsPrior: false, on: tape)
    let consistency = agreementTerms(
      Array(zip(predictions, teacher.map { AgreementTarget(probabilities: $0) })), weight: agreement.weight.at(step), on: tape)
    let terms = LossTerms(supervised + unsupervised + consistency)
    let groups = Dictionary(uniqueKeysWithValues: terms.byName.map { ($0.name, $0.group) })
    try golden.expect(groups["dice"]!.value, "\(name).loss_dice_seg_l")
    try golden.expect(groups["crossEntropy"]!.value, "\(name).loss_ce_seg_l")
    try golden.expect(LossTerms(supervised).total, "\(name).loss_seg_l")
    try golden.expect(groups["pseudoDice"]!.value, "\(name).loss_dice_seg_u")
    try golden.expect(groups["pseudoCrossEntropy"]!.value, "\(name).loss_ce_seg_u")
    try golden.expect(LossTerms(unsupervised).total, "\(name).loss_seg_u")
    try golden.expect(groups["consistency"]!.value, "\(name).consistency_dist")
    try golden.expect(groups["consistency"]!.weight, "\(name).consistency_weight")
    try golden.expect(terms.total, "\(name).loss_seg")
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
    let labels = try golden.labels("finetune.canvas_labels")
    #expect(labels.joined().contains(255))
    let terms = stitchedLoss(logits, labels: labels, ignored: .counted, on: tape)
    let groups = Dictionary(uniqueKeysWithValues: terms.byName.map { ($0.name, $0.group) })
    try golden.expect(groups["dice"]!.value, "finetune.loss_dice_sam")
    try golden.expect(groups["crossEntropy"]!.value, "finetune.loss_ce_sam")
    try golden.expect(terms.total, "finetune.loss_sam")
    tape.backward(from: terms.terms.map { ($0.scalar, weight: $0.weight) })
    for (logits, expected) in zip(logits, try channelsLast("finetune.gradient")) {
      #expect(relativeNorm(try #require(tape.gradient(of: logits)).values, expected.values) < 2e-5)
    }
    // Without the gaps it is another loss.
    let other = stitchedLoss(logits, labels: labels, ignored: .leftOut, on: Tape(recording: false))
    #expect(abs(other.total - terms.total) > 1e-3)
  }
}
