// The student as it was at the end of an earlier part of the run: it labels unlabelled crops for the student of now (self-training; SemiSAM-O1).

import Learning
import Networks
import Preparation
import Tensors

/// Copies a student at the end of each of several equal parts of a run. Weights, momenta and the learning rate of the student go on.
final class EarlierStudent {
  private let rounds: Int
  private let network: any Network
  /// How many rounds the copy has behind it, one number: 0 before there is a copy.
  private let finished = Tensor(zeros: [1])

  init(_ plan: MethodPlan, rounds: Int) throws(MethodError) {
    self.rounds = rounds
    network = try plan.makeNetwork()
  }

  var carried: [CarriedVector] {
    zip(["earlier", "earlier.statistics"], network.state).map { CarriedVector($0, $1.values) }
      + [CarriedVector("finishedRounds", finished)]
  }

  /// How many rounds are over before a step, and what share of the next one.
  func place(of step: Step) -> (round: Int, share: Double) {
    let round = rounds * step.index / step.total
    return (round, Double(rounds * step.index - round * step.total) / Double(step.total))
  }

  /// What it says of crops, D·H·W labels each; nil before the first round is over.
  func labels(of samples: [Sample], at step: Step) -> [[UInt8]]? {
    guard finished.values[0] > 0 else { return nil }
    return samples.map { sample in
      let logits = network.logits(sample.image(.clean, at: step), mode: .evaluation, on: Tape(recording: false))
      return argmaxLabels(logits.values, classes: logits.shape.channels)
    }
  }

  /// Takes a copy after the last step of a round. A round that ends with a step that had to be skipped ends one step later.
  func afterUpdate(of student: any Network, at step: Step) {
    let (round, _) = place(of: Step(index: step.index + 1, total: step.total, seed: step.seed))
    guard round > Int(finished.values[0]), round < rounds else { return }
    for (copy, vector) in zip(network.state, student.state) { copy.load(vector.values.values) }
    finished.pointer[0] = Float(round)
  }
}
