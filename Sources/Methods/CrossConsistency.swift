// CCT, cross-consistency training (Ouali et al., arXiv:2003.09005; HiLab-git/SSL4MIS, code/train_cross_consistency_training_2D.py, there of planes): decoders
// beside the student's own see features that are disturbed, and all say the same of unlabelled crops. Their dropout is the student's.

import Learning
import Networks
import Preparation
import Settings
import Tensors

public final class CrossConsistency: Method {
  public static let name = "cct"
  public static let summary = "CCT: three more decoders, which see disturbed features, agree with the student's own"
  private static let weight = ConsistencyOptions(publishedEpochs: 200)
  public static let options: [any SettingDescription] = weight.all

  private let student: any EncoderDecoder
  private let others: [(perturbation: FeaturePerturbation, decoder: ParameterSet)]
  private let weight: ConsistencyWeight
  public var trained: [TrainedModule] {
    [TrainedModule("student", student)] + others.map { TrainedModule("decoder-\($0.perturbation.rawValue)", $0.decoder) }
  }
  public var predictor: any Network { student }
  public let recipe = BatchRecipe(labelled: [.clean], unlabelled: [.clean])

  public init(_ plan: MethodPlan) throws(MethodError) {
    let student = try plan.makeEncoderDecoder(for: Self.self)
    var others: [(perturbation: FeaturePerturbation, decoder: ParameterSet)] = []
    for (number, perturbation) in FeaturePerturbation.allCases.enumerated() {
      others.append((perturbation, try plan.makeDecoder(of: student, seedOffset: UInt64(1 + number))))
    }
    (self.student, self.others, weight) = (student, others, Self.weight.weight(plan))
  }

  public func loss(_ batch: Batch, at step: Step, on tape: Tape) throws(MethodError) -> LossTerms {
    let labelled = predictions(batch.labelled, at: step, on: tape), labels = try labelled.map { $0[0] }.labels()
    let unlabelled = predictions(batch.unlabelled, at: step, on: tape), weight = weight.at(step)
    var terms = LossTerms(
      supervisedHeads(labelled, labels: labels, at: step, on: tape) + decoderTerms(unlabelled, weight: weight, on: tape),
      diagnostics: [("consistencyWeight", weight)])
    terms.unlabelled = unlabelled.map { $0[0] }
    return terms
  }

  /// What the student's own decoder and the others say of each sample.
  private func predictions(_ samples: [Sample], at step: Step, on tape: Tape) -> [[Prediction]] {
    // Together where batch normalisation must see them together.
    let groups = student.statistics == nil ? samples.map { [$0] } : [samples]
    return groups.filter { !$0.isEmpty }.flatMap { group in
      let key = group[0].dropout(.clean, at: step), mode = ForwardMode.training(dropout: key)
      let levels = student.encoded(tape.stacked(group.map { $0.image(.clean, at: step) }), mode: mode, on: tape)
      let own = student.decoded(levels, by: student.parameters, keeping: [], mode: mode, on: tape).logits
      let heads = [own] + others.enumerated().map { decoded(levels, by: $1, key.child(UInt64(100 + $0)), at: step, on: tape) }
      let logits = heads.map(tape.unstacked)
      return group.enumerated().map { number, sample in
        logits.map { Prediction(sample: sample, logits: $0[number], probabilities: tape.softmax($0[number])) }
      }
    }
  }

  /// Each level is disturbed by itself. What samples share is the same on all lanes.
  private func decoded(
    _ levels: [Tensor], by other: (perturbation: FeaturePerturbation, decoder: ParameterSet), _ key: RandomKey, at step: Step,
    on tape: Tape
  ) -> Tensor {
    let shared = RandomKey(seed: step.seed, volume: "perturbation", draw: UInt64(step.index), stream: RandomStream.mixing)
    let disturbed = levels.enumerated().map { level, features in
      other.perturbation.apply(
        to: features, key: shared.child(UInt64(level)), sampleKey: key.child(UInt64(10 + level)), on: tape)
    }
    return student.decoded(disturbed, by: other.decoder, keeping: [], mode: .training(dropout: key), on: tape).logits
  }
}

/// The mean over the other decoders of the mean squared difference to the first; gradients flow to both.
/// - Parameter predictions: of each sample, by decoders.
package func decoderTerms(_ predictions: [[Prediction]], weight: Double, on tape: Tape) -> [LossTerm] {
  guard let decoders = predictions.first?.count else { return [] }
  let own = tape.stacked(predictions.map { $0[0].probabilities })
  return (1..<decoders).map { decoder in
    let other = tape.stacked(predictions.map { $0[decoder].probabilities })
    return LossTerm("consistency", tape.squaredDifference(own, to: other), weight: weight / Double(decoders - 1))
  }
}
