// SFR+ crop by crop (Li et al., arXiv:2403.11229, section III.D): in each step the student's confidence in a crop decides whether the crop teaches SAM, with
// the student's labels, or SAM labels it for the student. Both move in the same step. For one machine: SAM sees every crop.

import Cluster
import Learning
import Methods
import Networks
import Preparation
import Tensors
import Volumes

public final class OnlineAlternation: Work, StudentWithSAM {
  public static let name = "sfr-plus-online"
  public static let summary =
    "train a student and SAM in the same steps; the student's confidence in a crop decides which of them it teaches (`confidence`)"

  let pair: StudentAndSAM

  public init(_ plan: StagePlan) throws {
    pair = try StudentAndSAM(plan)
    let configuration = plan.configuration
    guard configuration[ConfidenceKeys.schedule] == .constant else {
      throw TrainingError("work: sfr-plus-online knows no rounds: set confidence.schedule: constant, or take work: sfr-plus.")
    }
    try configuration.requireStudentsCrops(for: "work: sfr-plus-online", instead: "work: sfr-plus")
  }

  public func updated(at step: Step) -> [Int] { Array(modules.indices) }
  public func afterUpdate(at step: Step) { pair.student.afterUpdate(at: step) }

  public func batch(lane: Int, at step: Step) throws -> LaneBatch {
    let batch = try pair.student.loader.batch(lane: lane, at: step)
    return LaneBatch { [self] tape in try loss(batch, at: step, on: tape) }
  }

  private func loss(_ batch: Batch, at step: Step, on tape: Tape) throws -> LossTerms {
    let student = pair.student.method.predictor, crops = batch.unlabelled.map(judged)
    var terms = try pair.student.method.loss(batch, at: step, on: tape)
    let predictions =
      terms.unlabelled.isEmpty ? student.predict(batch.unlabelled, .clean, at: step, on: tape) : terms.unlabelled
    let uncertain = zip(predictions, crops).filter { !$1.isConfident }.map { prediction, _ in
      (prediction, labelsOfSAM(prediction.sample))
    }
    terms.terms += pseudoLabelTerms(
      uncertain, weight: pair.configuration[SFRKeys.pseudoLabelWeight], readsPrior: false, on: tape)
    terms.terms += fineTuningTerms(batch, crops, on: tape)
    let count = Double(max(1, crops.count))
    terms.diagnostics += [
      ("confidence", crops.reduce(0) { $0 + $1.confidence } / count),
      ("confidentCrops", Double(crops.count(where: \.isConfident)) / count),
    ]
    return terms
  }

  /// What the student, as it would be deployed, or its teacher says of a crop.
  private struct JudgedCrop {
    let labels: [UInt8]
    let confidence: Double
    let isConfident: Bool
  }

  private func judged(_ sample: Sample) -> JudgedCrop {
    guard let image = sample.clean else { return JudgedCrop(labels: [], confidence: 0, isConfident: false) }
    let tape = Tape(recording: false), logits = pair.source.network.logits(image, mode: .evaluation, on: tape)
    let probabilities = tape.softmax(logits).values, classes = pair.setup.classes
    let labels = argmaxLabels(probabilities, classes: classes)
    // Nobody compares with SAM here: confidence.minimumAgreement belongs to rounds.
    let found = VolumeConfidence(sample.identifier, probabilities: probabilities, classes: classes, labels: labels, sam: labels)
    return JudgedCrop(labels: labels, confidence: found.confidence, isConfident: pair.schedule.mayPass(found))
  }

  /// The likeliest classes by SAM as it is now.
  private func labelsOfSAM(_ sample: Sample) -> [UInt8] {
    guard let image = sample.clean else { return [UInt8](repeating: 0, count: pair.configuration.patch.count) }
    let tape = Tape(recording: false), setup = pair.setup
    let canvas = setup.tensor(canvas: setup.stitching.canvas(image: image.values, channels: image.shape.channels))
    let probabilities = tape.softmax(setup.logits(setup.sam.network, canvas, on: tape)).values
    return argmaxLabels(setup.stitching.volume(probabilities, classes: setup.classes), classes: setup.classes)
  }

  /// SAM's loss on the first labelled crop and the confident ones, under names of its own; nothing where no crop is confident.
  private func fineTuningTerms(_ batch: Batch, _ crops: [JudgedCrop], on tape: Tape) -> [LossTerm] {
    let confident = zip(batch.unlabelled, crops).filter { $1.isConfident }.map { ($0, $1.labels) }
    if confident.isEmpty { return ["dice", "crossEntropy"].map { LossTerm("sam." + $0, Scalar(constant: 0), weight: 0.5) } }
    let anchor = batch.labelled.prefix(1).map { ($0, $0.label ?? []) }, stitching = pair.setup.stitching
    let examples = (anchor + confident).compactMap { sample, labels -> CanvasExample? in
      guard let image = sample.clean else { return nil }
      return CanvasExample(
        image: stitching.canvas(image: image.values, channels: image.shape.channels), labels: stitching.canvas(labels: labels))
    }
    return pair.fineTuningLoss(examples, on: tape).terms.map { LossTerm("sam." + $0.name, $0.scalar, weight: $0.weight) }
  }
}
