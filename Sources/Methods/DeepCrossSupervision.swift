// Cross pseudo supervision in nnU-Net's way: losses at the heads of all resolutions but the lowest, each with half the weight of the one above, and at each
// of them cross entropy against the labels that the other network gives at full resolution.

import Learning
import Networks
import Preparation
import Tensors

extension StudentPair {
  /// Dice + cross entropy on labels and λ times the cross entropy against the other's labels, of both networks.
  /// - Parameter weight: λ.
  func deepTerms(
    _ batch: Batch, weight: Double, groups: [String], at step: Step, on tape: Tape
  ) throws -> LossTerms {
    try refuseTwins()
    var labels: [[UInt8]] = []
    for sample in batch.labelled { labels.append(try sample.knownLabel()) }
    return try crossTerms(batch, weight: weight, groups: groups) { number in
      let labelled = self[number].headLogits(batch.labelled, at: step, on: tape)
      let unlabelled = self[number].headLogits(batch.unlabelled, at: step, on: tape)
      return CrossStudent(
        said: unlabelled[0].map { likeliestLabels($0) },
        terms: { pseudo in
          let loss = BatchLoss(targets: LabelTargets(classes: labelled[0][0].shape.channels), dice: .sample)
          return weightedHeads(labelled, labels: labels).flatMap { loss.terms($0.scores, weight: $0.weight, on: tape) }
            + weightedHeads(unlabelled, labels: pseudo).flatMap { head in
              crossEntropies(head.scores, weight: weight * head.weight, on: tape)
            }
        },
        unlabelled: {
          zip(batch.unlabelled, unlabelled[0]).map { Prediction(sample: $0, logits: $1, probabilities: tape.softmax($1)) }
        })
    }
  }
}

private func crossEntropies(_ head: HeadScores, weight: Double, on tape: Tape) -> [LossTerm] {
  zip(head.logits, head.labels).map { logits, labels in
    LossTerm(
      "cross", tape.crossEntropy(logits, probabilities: tape.softmax(logits), labels: labels),
      weight: weight / Double(head.logits.count))
  }
}
