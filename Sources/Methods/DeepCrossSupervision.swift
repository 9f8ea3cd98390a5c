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
  ) throws(MethodError) -> LossTerms {
    try refuseTwins()
    var labels: [[UInt8]] = []
    for sample in batch.labelled { labels.append(try sample.knownLabel()) }
    let heads = [first, second].map { network in
      (
        labelled: network.headLogits(batch.labelled, at: step, on: tape),
        unlabelled: network.headLogits(batch.unlabelled, at: step, on: tape)
      )
    }
    let said = heads.map { $0.unlabelled[0].map { likeliestLabels($0) } }
    let loss = BatchLoss(targets: LabelTargets(classes: heads[0].labelled[0][0].shape.channels), dice: .sample)
    let terms = zip(heads, said.reversed()).flatMap { network, pseudo in
      weightedHeads(network.labelled, labels: labels).flatMap { loss.terms($0.scores, weight: $0.weight, on: tape) }
        + weightedHeads(network.unlabelled, labels: pseudo).flatMap { head in
          crossEntropies(head.scores, weight: weight * head.weight, on: tape)
        }
    }
    var result = LossTerms(terms, diagnostics: crossDiagnostics(batch.unlabelled, said, weight: weight, groups: groups))
    result.unlabelled = zip(batch.unlabelled, heads[0].unlabelled[0]).map {
      Prediction(sample: $0, logits: $1, probabilities: tape.softmax($1))
    }
    return result
  }
}

private func crossEntropies(_ head: HeadScores, weight: Double, on tape: Tape) -> [LossTerm] {
  zip(head.logits, head.labels).map { logits, labels in
    LossTerm(
      "cross", tape.crossEntropy(logits, probabilities: tape.softmax(logits), labels: labels),
      weight: weight / Double(head.logits.count))
  }
}
