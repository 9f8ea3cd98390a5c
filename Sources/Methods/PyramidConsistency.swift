// URPC (Luo et al., arXiv:2012.07042; HiLab-git/SSL4MIS, code/train_uncertainty_rectified_pyramid_consistency_3D.py): a student with heads at several
// resolutions, which agree on unlabelled crops where they are near their mean; no second network.

import Learning
import Networks
import Preparation
import Settings
import Tensors

public final class PyramidConsistency: Method {
  public static let name = "urpc"
  public static let summary = "URPC: the heads of one student at several resolutions agree, less so where they are far apart"
  private static let weight = ConsistencyOptions(publishedEpochs: 400)
  public static let options: [any SettingDescription] = weight.all
  /// The published network has so many heads, full resolution and three below.
  private static let mostHeads = 4

  private let student: any Network
  private let weight: ConsistencyWeight
  public var trained: [TrainedModule] { [TrainedModule("student", student)] }
  public var predictor: any Network { student }
  public let recipe = BatchRecipe(labelled: [.clean], unlabelled: [.clean])

  public init(_ plan: MethodPlan) throws(MethodError) {
    student = try plan.makeNetwork()
    weight = Self.weight.weight(plan)
    guard student.headCount > 1 else {
      throw MethodError("method urpc needs a network with several heads, not \(plan.networkName): take stunet or plainconvunet.")
    }
  }

  public func loss(_ batch: Batch, at step: Step, on tape: Tape) throws(MethodError) -> LossTerms {
    let labelled = batch.labelled.map { heads($0, at: step, on: tape) }
    var labels: [[UInt8]] = []
    for sample in batch.labelled { labels.append(try sample.knownLabel()) }
    let unlabelled = batch.unlabelled.map { heads($0, at: step, on: tape) }, weight = weight.at(step)
    var terms = LossTerms(
      supervisedHeads(labelled, labels: labels, at: step, on: tape) + pyramidTerms(unlabelled, weight: weight, on: tape),
      diagnostics: [("consistencyWeight", weight)])
    terms.unlabelled = unlabelled.map { $0[0] }
    return terms
  }

  /// Predictions of each head at full resolution.
  private func heads(_ sample: Sample, at step: Step, on tape: Tape) -> [Prediction] {
    let image = sample.image(.clean, at: step)
    let all = student.allLogits(image, mode: .training(dropout: sample.dropout(.clean, at: step)), on: tape)
    return all.prefix(Self.mostHeads).map { logits in
      let full = tape.upsampled(logits, to: image.shape.spatial)
      return Prediction(sample: sample, logits: full, probabilities: tape.softmax(full))
    }
  }
}

/// ½ (Dice + cross entropy) of each head, the mean over heads.
/// - Parameter predictions: of each sample, by heads.
package func supervisedHeads(_ predictions: [[Prediction]], labels: [[UInt8]], at step: Step, on tape: Tape) -> [LossTerm] {
  guard let heads = predictions.first?.count else { return [] }
  return (0..<heads).flatMap { head in
    SupervisedBlend.half.terms(predictions.map { $0[head] }, labels: labels, share: 1 / Double(heads), at: step, on: tape)
  }
}

/// The agreement of the heads on all unlabelled samples together.
package func pyramidTerms(_ predictions: [[Prediction]], weight: Double, on tape: Tape) -> [LossTerm] {
  guard let heads = predictions.first?.count else { return [] }
  let stacked = (0..<heads).map { head in tape.stacked(predictions.map { $0[head].probabilities }) }
  return [LossTerm("consistency", tape.pyramidConsistency(stacked), weight: weight)]
}
