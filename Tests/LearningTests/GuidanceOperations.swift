// Rows of the operation table: losses between two views, and between a student and a frozen prior.

import Learning
import Tensors

let guidanceOperations: [OperationRow] = [
  OperationRow(name: "gated consistency", inputs: [[1, 4, 4, 4, 2], [1, 4, 4, 4, 2]], smooth: false) { tape, x, _ in
    .scalar(gated(tape, x, threshold: 0.55))
  },
  OperationRow(name: "gated consistency per class", inputs: [[1, 4, 4, 4, 3], [1, 4, 4, 4, 3]], smooth: false) { tape, x, _ in
    .scalar(gated(tape, x, threshold: 0.4, normalization: .perClass))
  },
  OperationRow(name: "gated divergence", inputs: [[1, 4, 4, 4, 3], [1, 4, 4, 4, 3]], smooth: false) { tape, x, _ in
    .scalar(gated(tape, x, threshold: 0.4, term: .kl))
  },
  OperationRow(name: "gated Dice", inputs: [[1, 4, 4, 4, 3], [1, 4, 4, 4, 3]], smooth: false) { tape, x, _ in
    .scalar(gated(tape, x, threshold: 0.4, term: .dice))
  },
  OperationRow(name: "distillation", inputs: [[1, 2, 4, 6, 3]]) { tape, x, _ in
    .scalar(tape.distillation(x[0], prior: somePrior(temperature: 2), temperature: 2))
  },
  OperationRow(name: "distillation of chosen voxels", inputs: [[1, 2, 4, 6, 3]]) { tape, x, _ in
    let weights = Tensor((0..<48).map { Float($0 % 3) }, shape: [48])
    return .scalar(
      tape.distillation(x[0], prior: somePrior(temperature: 3), temperature: 3, weights: weights, reduction: .voxelSum))
  },
  OperationRow(name: "confidence penalty", inputs: [[1, 2, 4, 6, 3]]) { tape, x, _ in
    .scalar(tape.confidencePenalty(x[0], temperature: 2))
  },
  OperationRow(name: "masked average pooling", inputs: [[1, 2, 4, 6, 5]]) { tape, x, _ in
    .tensor(tape.pooled(x[0], weights: somePrior(temperature: 1).weights(exponent: 1.5, grid: [2, 4, 6])))
  },
  OperationRow(name: "alignment", inputs: [[1, 3, 8]]) { tape, x, _ in
    let target = Tensor((0..<24).map { Float(RandomKey(4).gaussian(UInt64($0))) }, shape: [1, 3, 8])
    return .scalar(tape.alignment(x[0], to: target, weights: [1, 0, 0.5]))
  },
]

private func gated(
  _ tape: Tape, _ x: [Tensor], threshold: Double, term: ConsistencyTerm = .mse, normalization: GateNormalization = .perSample
) -> Scalar {
  tape.gatedConsistency(
    tape.softmax(x[0]), tape.softmax(x[1]), gate: ConsistencyGate(threshold: threshold), term: term,
    normalization: normalization
  ).loss
}

private func somePrior(temperature: Double) -> PriorProbabilities {
  let logits = Tensor((0..<96).map { Float(2 * RandomKey(3).gaussian(UInt64($0))) }, shape: [1, 2, 4, 6, 2])
  return PriorProbabilities(logits: logits, isPresent: [true, true], temperature: temperature)
}
