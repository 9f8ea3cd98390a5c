// BCP (Bai et al., arXiv:2305.00673; DeepMed-Lab-ECNU/BCP, code/LA_BCP_train.py): boxes of unlabelled crops are pasted into labelled ones and the other way
// round, and the student learns the mixture's labels, half of which a mean teacher gives. A stage before that pastes labelled crops into labelled ones; the
// original goes on with its best state on the test cases, this one with the last. Axes: D H W voxels, K classes.

import Learning
import Networks
import Preparation
import Settings
import Tensors
import Volumes

public final class BidirectionalCopyPaste: Method {
  public static let name = "bcp"
  public static let summary = "BCP: labelled and unlabelled crops pasted into each other, with the labels of a mean teacher"
  enum Phase: String, CaseIterable { case preTraining, selfTraining }
  private static let phase = Setting(
    "phase", default: Phase.selfTraining,
    "preTraining pastes labelled crops into labelled ones; selfTraining, for the stage after it, goes on between labelled and unlabelled ones with a teacher."
  )
  public static let options: [any SettingDescription] = [phase]
  /// The share of itself that the teacher keeps, from the first step on.
  package static let keep = 0.99

  private let student: any Network
  /// Nil while the student is pre-trained.
  private let teacher: Teacher?
  public var trained: [TrainedModule] { [TrainedModule("student", student)] }
  public var carried: [CarriedVector] { teacher.map { [$0.carried] } ?? [] }
  public var predictor: any Network { student }
  public let recipe: BatchRecipe

  public init(_ plan: MethodPlan) throws(MethodError) {
    let isPreTraining = plan[Self.phase] == .preTraining
    student = try plan.makeNetwork()
    teacher = try isPreTraining ? nil : Teacher(plan)
    recipe = BatchRecipe(labelled: [.clean], unlabelled: isPreTraining ? [] : [.clean], labelledCount: 2, unlabelledCount: 2)
  }

  public func loss(_ batch: Batch, at step: Step, on tape: Tape) throws(MethodError) -> LossTerms {
    let labelled = try batch.labelled.pairs("labelled", for: Self.self)
    let box = CopyPasteBox(in: labelled[0].0.image(.clean, at: step).shape.spatial, at: step)
    guard let teacher else {
      var labels: [[UInt8]] = []
      for (one, other) in labelled { labels.append(box.pasted(try other.knownLabel(), over: try one.knownLabel())) }
      let mixed = student.predict(labelled.map { mixture($1, over: $0, box, step) }, .clean, at: step, on: tape)
      return LossTerms(copyPasteTerms(mixed, labels, on: tape))
    }
    let unlabelled = try batch.unlabelled.pairs("unlabelled", for: Self.self)
    guard labelled.count == unlabelled.count else {
      throw MethodError(
        "method bcp mixes each labelled crop with an unlabelled one: set batch.labelled and batch.unlabelled to the same number.")
    }
    // Both begin alike, also where the student was given weights of a file.
    if step.index == 0 { teacher.follow(student, keep: 0, at: step) }
    let said = unlabelled.map { pair in [pair.0, pair.1].map { largestParts(teacher.cleanProbabilities($0, at: step)) } }
    var regions: [MixedLabels] = []
    for (labelled, said) in zip(labelled, said) {
      regions.append(MixedLabels(box, known: try labelled.0.knownLabel(), isKnownInside: false, said: said[0]))
    }
    for (labelled, said) in zip(labelled, said) {
      regions.append(MixedLabels(box, known: try labelled.1.knownLabel(), isKnownInside: true, said: said[1]))
    }
    let intoLabelled = zip(labelled, unlabelled).map { mixture($1.0, over: $0.0, box, step) }
    let intoUnlabelled = zip(labelled, unlabelled).map { mixture($0.1, over: $1.1, box, step) }
    let mixed = [intoLabelled, intoUnlabelled].flatMap { student.predict($0, .clean, at: step, on: tape) }
    let voxels = said.joined().joined()
    return LossTerms(
      copyPasteTerms(mixed, regions, on: tape),
      diagnostics: [("pseudoForeground", Double(voxels.count { $0 > 0 }) / Double(voxels.count))])
  }

  public func afterUpdate(at step: Step) { teacher?.follow(student, keep: Self.keep, at: step) }

  private func mixture(_ inside: Sample, over outside: Sample, _ box: CopyPasteBox, _ step: Step) -> Sample {
    let image = box.pasted(inside.image(.clean, at: step), over: outside.image(.clean, at: step))
    return Sample(identifier: outside.identifier, draw: outside.draw, views: [.clean: image], label: nil)
  }
}

/// The labels of a mixture, D·H·W each, with none (255) where the other ones hold.
package struct MixedLabels {
  let known, said: [UInt8]

  /// - Parameter isKnownInside: whether the labelled crop fills the box.
  package init(_ box: CopyPasteBox, known: [UInt8], isKnownInside: Bool, said: [UInt8]) {
    self.known = isKnownInside ? box.pasted(known, over: nil) : box.pasted(nil, over: known)
    self.said = isKnownInside ? box.pasted(nil, over: said) : box.pasted(said, over: nil)
  }
}

/// The terms of mixtures whose labels are all known.
package func copyPasteTerms(_ mixed: [Prediction], _ labels: [[UInt8]], on tape: Tape) -> [LossTerm] {
  regionTerms(mixed, labels, ("dice", "crossEntropy"), weight: 1 / Double(mixed.count), on: tape)
}

/// The terms of mixtures of labelled crops, which count once, and crops that the teacher labelled, which count half. Both directions are added, not averaged.
/// - Parameter mixed: those of one direction, then those of the other.
package func copyPasteTerms(_ mixed: [Prediction], _ labels: [MixedLabels], on tape: Tape) -> [LossTerm] {
  let weight = 2 / Double(mixed.count)
  return regionTerms(mixed, labels.map(\.known), ("dice", "crossEntropy"), weight: weight, on: tape)
    + regionTerms(mixed, labels.map(\.said), ("teacherDice", "teacherCrossEntropy"), weight: weight / 2, on: tape)
}

/// ½ (Dice + cross entropy) of the voxels that have a label: of each sample, background included, probabilities not squared.
private func regionTerms(
  _ predictions: [Prediction], _ labels: [[UInt8]], _ names: (dice: String, crossEntropy: String), weight: Double, on tape: Tape
) -> [LossTerm] {
  let targets = LabelTargets(classes: predictions[0].logits.shape.channels, scoresBackground: true)
  return zip(predictions, labels).flatMap { prediction, labels in
    [
      LossTerm(
        names.dice, tape.overlapLoss(prediction.probabilities, labels: labels, targets).plus(1), weight: weight / 2),
      LossTerm(
        names.crossEntropy,
        tape.crossEntropy(prediction.logits, probabilities: prediction.probabilities, labels: labels, unlabelled: .leftOut),
        weight: weight / 2),
    ]
  }
}

/// The likeliest labels, of each class but background only its largest part: voxels that touch by faces, edges or corners, and of equally large parts the
/// first in row-major order.
/// - Parameter probabilities: or logits, [1, D, H, W, K].
package func largestParts(_ probabilities: Tensor) -> [UInt8] {
  let labels = likeliestLabels(probabilities), size = probabilities.shape.spatial
  var result = [UInt8](repeating: 0, count: labels.count)
  for label in Set(labels).subtracting([0]) {
    let parts = connectedParts(of: labels.map { $0 == label }, extent: Extent(size[0], size[1], size[2]))
    let largest = parts.map(\.count).max()
    for voxel in parts.first(where: { $0.count == largest }) ?? [] { result[voxel] = label }
  }
  return result
}
